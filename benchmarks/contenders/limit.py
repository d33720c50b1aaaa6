"""The machine itself: what a workload must cost at least, at the speed that the machine has in this round."""
import sys

from .. import floor, limits, single, workloads
from . import least_rounds, serve

if __name__ == "__main__":
    name = sys.argv[1]
    if name in single.KERNELS:
        least_rounds(single.KERNELS[name].floor(limits))
    else:
        serve(lambda: {"seconds": floor.seconds(workloads.ALL[name], limits.measured())})
