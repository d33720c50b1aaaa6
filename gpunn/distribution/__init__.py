"""The devices of this machine."""
from ..backend import device_count


def list_devices(device_type: str | None = None) -> list[str]:
    """"cpu:0", or "gpu:0", "gpu:1", ... where GPUs can be used; `device_type`: "cpu" or "gpu"."""
    kind = (device_type or ("gpu" if device_count() else "cpu")).lower()
    if kind not in ("cpu", "gpu", "cuda", "tpu"):
        raise ValueError(f"list_devices: device_type must be 'cpu', 'gpu' or None, got {device_type!r}")
    kind = kind.replace("cuda", "gpu")
    return [f"{kind}:{i}" for i in range({"cpu": 1, "gpu": device_count()}.get(kind, 0))]


def get_device_count(device_type: str | None = None) -> int:
    return len(list_devices(device_type))
