"""Activations, schedules, constraints and regularizers against what Keras 3 computed: numbers, slopes, configs."""
import json
from pathlib import Path

import numpy as np
import pytest

from gpunn import activations, constraints, regularizers
from gpunn.optimizers import schedules
from gpunn.tensor import Tensor
from tests.golden import function_cases as cases

GOLDEN = np.load(Path(__file__).parent / "golden" / "functions.npz")
CONFIGS = json.loads(str(GOLDEN["configs"]))
OWN = {"arctan", "binary_step", "swish", "hard_swish"}          # not Keras', or other names of what has a case


def made(module, expression: str, **names):
    return eval(expression, vars(module) | names)


def close(got, key: str):
    np.testing.assert_allclose(got, GOLDEN[key], rtol=5e-5, atol=5e-6)


@pytest.mark.parametrize("text", cases.ACTIVATIONS)
def test_activations(text):
    x = Tensor(cases.X.copy(), requires_grad=True)
    y = made(activations, text, x=x)
    close(y.numpy(), text)
    (y * cases.SLOPES[:y.shape[0], :y.shape[1]]).sum().backward()
    close(x.grad, f"{text} slope")


@pytest.mark.parametrize("text", cases.SCHEDULES)
def test_schedules(text):
    schedule = made(schedules, text)
    close([float(schedule(step)) for step in cases.STEPS], text)
    assert schedule.get_config() == CONFIGS[text]


@pytest.mark.parametrize("text", cases.CONSTRAINTS)
def test_constraints(text):
    constraint = made(constraints, text)
    close(constraint(Tensor(cases.weights_for(text).copy())).numpy(), text)
    assert constraint.get_config() == CONFIGS[text]


@pytest.mark.parametrize("text", cases.REGULARIZERS)
def test_regularizers(text):
    regularizer, w = made(regularizers, text), Tensor(cases.MATRIX.copy(), requires_grad=True)
    penalty = regularizer(w)
    close(penalty.numpy(), text)
    penalty.backward()
    close(w.grad, f"{text} slope")
    assert regularizer.get_config() == pytest.approx(CONFIGS[text])


@pytest.mark.parametrize(("module", "texts"), [
    (activations, cases.ACTIVATIONS), (schedules, cases.SCHEDULES), (constraints, cases.CONSTRAINTS),
    (regularizers, cases.REGULARIZERS)])
def test_each_has_a_case(module, texts):
    of_ours = {"PowerDecay", "OneCycle"}                        # schedules that Keras lacks, with tests of their own
    known = getattr(module, "KNOWN", None) or {n: n for n in vars(module) if n.endswith(("Decay", "Restarts"))}
    names = {getattr(thing, "__name__", thing) for thing in known.values()} - OWN - of_ours
    assert {n for n in names if n[0] != "_"} <= {text.partition("(")[0] for text in texts} | {"l1_l2"}
