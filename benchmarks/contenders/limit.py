"""The machine itself: what a workload must cost at least, at the speed that the machine has in this round."""
import sys

from .. import floor, limits, single, workloads
from . import serve


def seconds(name: str) -> float:
    if name in single.KERNELS:
        return single.KERNELS[name].seconds(limits)
    return floor.seconds(workloads.ALL[name], limits.measured())


if __name__ == "__main__":
    serve(lambda: {"seconds": seconds(sys.argv[1])})
