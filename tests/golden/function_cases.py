"""Activations, schedules, constraints and regularizers as expressions that Keras and gpunn both understand."""
import numpy as np

DICE = np.random.default_rng(3)
X = np.concatenate([DICE.normal(size=(6, 8)) * 2, np.linspace(-7.9, 7.7, 16).reshape(2, 8)]).astype("float32")
SLOPES = DICE.normal(size=X.shape).astype("float32")
MATRIX = (DICE.normal(size=(4, 3)) * 2).astype("float32")
KERNEL = DICE.normal(size=(3, 2, 2, 4)).astype("float32")
STEPS = (0, 1, 4, 9, 10, 11, 19, 20, 25, 33, 40, 77)

ACTIVATIONS = [f"{name}(x)" for name in (
    "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear log_sigmoid "
    "log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign squareplus tanh tanh_shrink"
).split()] + [
    "celu(x, alpha=0.4)", "elu(x, alpha=0.7)", "gelu(x, approximate=True)", "glu(x, axis=0)",
    "hard_shrink(x, threshold=0.9)", "leaky_relu(x, negative_slope=0.05)", "log_softmax(x, axis=0)",
    "relu(x, negative_slope=0.2)", "relu(x, max_value=1.5)", "relu(x, threshold=0.5)",
    "relu(x, negative_slope=0.1, max_value=3.0, threshold=1.0)", "soft_shrink(x, threshold=1.1)", "softmax(x, axis=0)",
    "squareplus(x, b=1)", "threshold(x, 0.3, -1.5)"]
SCHEDULES = [
    "CosineDecay(0.1, 20)", "CosineDecay(0.1, 20, alpha=0.2)",
    "CosineDecay(0.0, 20, warmup_target=0.3, warmup_steps=7)",
    "CosineDecay(0.05, 20, 0.1, warmup_target=0.2, warmup_steps=10)", "CosineDecayRestarts(0.1, 10)",
    "CosineDecayRestarts(0.1, 5, t_mul=1.5, m_mul=0.8, alpha=0.05)", "CosineDecayRestarts(0.1, 8, t_mul=1.0)",
    "ExponentialDecay(0.1, 10, 0.5)", "ExponentialDecay(0.1, 10, 0.5, staircase=True)",
    "InverseTimeDecay(0.1, 10, 0.5)", "InverseTimeDecay(0.1, 10, 0.5, staircase=True)",
    "PiecewiseConstantDecay([9, 20], [0.3, 0.2, 0.1])",
    "PolynomialDecay(0.1, 20)", "PolynomialDecay(0.1, 20, 0.01, power=2.0)",
    "PolynomialDecay(0.1, 15, 0.01, cycle=True)"]
CONSTRAINTS = [
    "MaxNorm()", "MaxNorm(1.5, axis=1)", "MaxNorm(0.8, axis=[0, 1, 2])", "MinMaxNorm(0.5, 1.5)",
    "MinMaxNorm(0.5, 1.5, rate=0.3, axis=[0, 1])", "NonNeg()", "UnitNorm()", "UnitNorm(axis=1)",
    "UnitNorm(axis=[0, 1, 2])"]
REGULARIZERS = ["L1()", "L1(0.3)", "L2()", "L2(0.2)", "L1L2(0.1, 0.2)", "L1L2(l2=0.4)", "OrthogonalRegularizer()",
                "OrthogonalRegularizer(0.2, mode='columns')"]


def weights_for(expression: str) -> np.ndarray:
    return KERNEL if "axis=[0" in expression else MATRIX
