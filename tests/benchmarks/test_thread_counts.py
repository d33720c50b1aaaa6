"""How many threads there are changes the time of a training, not its numbers."""
import os
import subprocess
import sys

SCRIPT = """
import hashlib, sys
import gpunn
from benchmarks import workloads
from benchmarks.contenders.keras_api import compiled

for name in ("mlp", "cnn", "resnet8", "lstm", "gpt", "gru"):
    work = workloads.ALL[name]
    x, y = workloads.data(work, 1)
    digests = []
    for threads in (1, 2, 3):
        gpunn.set_num_threads(threads)
        gpunn.set_seed(0)
        model = compiled(gpunn, work)
        model.fit(x, y, batch_size=work.batch, epochs=2, verbose=0)
        digests.append(hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest())
    print(name, len(set(digests)))
"""


def test_large_models_end_with_the_same_bits():
    answer = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True,
                            env=os.environ | {"GPUNN_NUM_THREADS": "3", "NUMBA_NUM_THREADS": "3"}).stdout.splitlines()
    assert [line.split() for line in answer] == [[name, "1"] for name in "mlp cnn resnet8 lstm gpt gru".split()]
