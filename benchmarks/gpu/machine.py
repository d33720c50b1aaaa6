"""The device, its driver, its libraries; the peers."""
import json
import subprocess

from gpunn import doctor

from . import failed

TITLE, SHARE = "Machine", 10
PEERS = ("torch", "triton", "jax", "jaxlib")
VERSIONS = """
import importlib.metadata as m, json, sys
def version(name):
    try: return m.version(name)
    except m.PackageNotFoundError: return "not installed"
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


def rows(chosen):
    backend = chosen.backend()
    runtime = backend.xp.cuda.runtime
    properties = runtime.getDeviceProperties(0)
    yield row("device", properties["name"].decode())
    yield row("memory", f"{properties['totalGlobalMem'] / 2**30:.0f} GiB, cache {properties['l2CacheSize'] >> 20} MiB")
    yield row("multiprocessors", f"{properties['multiProcessorCount']}, compute capability "
                                 f"{properties['major']}.{properties['minor']}")
    yield row("CUDA", f"runtime {version(runtime.runtimeGetVersion())}, driver {version(runtime.driverGetVersion())}")
    problems: list[str] = []
    for name, value in [*doctor.machine(), *doctor.packages(), *doctor.gpu(problems)]:
        if name != "device":
            yield row(name, value)
    for name, value in peers(chosen.peer_python).items():
        yield row(name, value)
    if chosen.device.startswith("cuda"):
        yield from map(failed, problems)


def row(name, value) -> dict:
    return {"what": name, "is": value}


def version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def peers(python: str) -> dict[str, str]:
    result = subprocess.run([python, "-c", VERSIONS, *PEERS], capture_output=True, text=True)
    return json.loads(result.stdout) if result.returncode == 0 else {"peers": f"{python} does not run"}
