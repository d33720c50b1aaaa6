"""Mixed precision under its older names."""
from ._config import DTypePolicy, dtype_policy, set_dtype_policy

Policy, global_policy, set_global_policy = DTypePolicy, dtype_policy, set_dtype_policy


def __getattr__(name):
    if name == "LossScaleOptimizer":
        from .optimizers import LossScaleOptimizer
        return LossScaleOptimizer
    raise AttributeError(f"module 'gpunn.mixed_precision' has no attribute {name!r}")
