"""Who makes a convolution: cuDNN, by a stand-in that does what its graphs say, gpunn's own kernels, or a product."""
import numpy as np
import pytest

import gpunn
from gpunn import layers
from gpunn.kernels.cuda import choosing, conv, conv_input_grad, conv_weight_grad, cudnn, launch
from gpunn.kernels.served import options, served
from tests import sim
from tests.kernels import cases_conv
from tests.kernels.coverage import load_cases
from tests.kernels.harness import CASES, check, tiles
from tests.sim import facade as cp

from .cublaslt_stand_in import StandIn as Multiplier
from .cublaslt_stand_in import serving
from .cudnn_stand_in import NotSupported, StandIn, offered
from .test_cublaslt import Once, captured, close, put  # noqa: F401

load_cases()
sim.install()
KERNELS = {"conv", "conv_input_grad", "conv_weight_grad"}
ROWS = [case for case in CASES if case.kernel in KERNELS and case.precision == "highest"]
WALK = (1, 1), ((1, 1), (1, 1)), (1, 1)             # strides, padding, dilation


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GPUNN_CACHE_DIR", str(tmp_path))
    monkeypatch.setitem(launch.settings, "matmul_precision", "highest")
    return tmp_path / "convolutions"


def always(monkeypatch, wanted: str):
    """Nothing is timed: who can do it does it."""
    def pick(chooser, p, ways, arrays):
        chooser.ready(True, p)
        return wanted if wanted in ways else next(iter(ways))
    monkeypatch.setattr(cudnn.Chooser, "pick", pick)


# -- what is computed --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.id)
def test_cudnn(case, monkeypatch, capfd):
    always(monkeypatch, "cuDNN")
    with offered(stand_in := StandIn()):
        check(case, Once(), "float32")
    assert bool(stand_in.ran) == ("empty" not in case.id) and capfd.readouterr().err == ""
    activation = case.options.get("activation", "linear")
    assert {bent for _, _, bent, *_ in stand_in.ran} <= {activation == "relu"}
    assert {exact for *_, exact in stand_in.ran} <= {True}


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.id)
def test_a_product_of_windows_that_are_written_out(case, monkeypatch):
    always(monkeypatch, "im2col + product")
    with serving(multiplier := Multiplier()), offered(ImportError("no cuDNN")):
        check(case, Once(), "float32")
    p = next((p for p in map(problem_of, [case]) if p), None)
    assert bool(multiplier.products) == (p is not None)


def problem_of(case):
    """Is a case made by a product? One group, and not empty."""
    arrays = [a for a in case.make(np.random.default_rng(0)) if isinstance(a, np.ndarray)]
    return "groups" not in case.id and "depthwise" not in case.id and all(a.size for a in arrays) or None


@pytest.mark.parametrize("case", [case for case in ROWS if "3x3_wide" in case.id or "stride_long" in case.id],
                         ids=lambda case: case.id)
@pytest.mark.parametrize("tile", ["128x64", "64x64", "128x128"])
def test_every_tile_gives_the_same(case, tile, monkeypatch):
    always(monkeypatch, f"own tiles {tile}")
    with offered(ImportError("no cuDNN")):
        check(case, Once(), "float32")


def test_float64_is_not_cudnn_s():
    with offered(stand_in := StandIn()):
        check(next(case for case in ROWS if case.id == "conv-3x3"), Once(), "float64")
    assert not stand_in.ran


@pytest.mark.parametrize(("precision", "exact"), [("highest", True), ("high", False), ("medium", False)])
def test_precision(precision, exact, monkeypatch):
    always(monkeypatch, "cuDNN")
    monkeypatch.setitem(launch.settings, "matmul_precision", precision)
    with offered(stand_in := StandIn()):
        conv(put(2, 5, 5, 4), put(3, 3, 4, 8), None, *WALK)
    assert stand_in.ran == [("conv_fprop", False, False, 1, exact)]


def test_the_package_itself_reads_what_is_written():
    """Where nvidia-cudnn-frontend and cuDNN are installed: their shapes are ours, for every case."""
    try:
        import cudnn as package
        package.backend_version()
    except (ImportError, OSError, RuntimeError):
        return
    seen = {}
    for case in ROWS:
        with offered(StandIn()) as chooser:
            chooser.pick = lambda p, ways, arrays: seen.setdefault(p, next(iter(ways)))
            check(case, Once(), "float32")
    for p in seen:
        for dtype in ("float32", "float16", "bfloat16"):
            cudnn.described(package, p._replace(dtype=dtype)).validate()
    for name, members in (("data_type", StandIn.data_type), ("numerical_note", StandIn.numerical_note),
                          ("heur_mode", StandIn.heur_mode)):
        assert {m.name: int(getattr(getattr(package, name), m.name)) for m in members} == {
            m.name: int(m) for m in members}


# -- the choice --------------------------------------------------------------------------------------------------------
X, W, Z = put(2, 6, 6, 8), put(3, 3, 8, 8), put(2, 6, 6, 8)


def convolved(times, monkeypatch, stand_in=None, runs=1, multiplier=None):
    """Convolutions of one problem, timed as `times` says -> who made it in the end."""
    left = iter(times)
    monkeypatch.setattr(cp.cuda, "get_elapsed_time", lambda start, stop: next(left))
    with offered(stand_in or StandIn()), serving(multiplier or Multiplier(choices=1)):
        for _ in range(runs):
            close(conv(X, W, None, *WALK), cases_conv.conv(X.get(), W.get(), None, *WALK))
    assert next(left, None) is None, "not all were timed"
    return who(W)["conv"]


def who(w) -> dict:
    return served(w)


@pytest.mark.parametrize(("times", "name"), [
    ([1.0, 2.0, 3.0], "own tiles 64x64"), ([2.0, 1.0, 3.0], "im2col + cuBLASLt"), ([3.0, 2.0, 1.0], "cuDNN")])
def test_the_quickest_is_chosen_once_and_kept(times, name, monkeypatch, folder):
    with serving(Multiplier(choices=1)):
        pass
    assert convolved(times, monkeypatch, runs=2) == name
    assert convolved([], monkeypatch) == name           # the next process
    assert [len(path.read_bytes()) for path in folder.iterdir()] == [32]


def test_another_version_chooses_for_itself(monkeypatch):
    convolved([1.0, 2.0, 3.0], monkeypatch)
    monkeypatch.setattr(StandIn, "__version__", "1.27.0")
    assert convolved([3.0, 2.0, 1.0], monkeypatch) == "cuDNN"


def test_another_problem_chooses_for_itself(monkeypatch):
    convolved([3.0, 2.0, 1.0], monkeypatch)
    monkeypatch.setitem(launch.settings, "matmul_precision", "high")
    left = iter([1.0, 2.0, 3.0])
    monkeypatch.setattr(cp.cuda, "get_elapsed_time", lambda start, stop: next(left))
    with offered(StandIn()), serving(Multiplier(choices=1)):
        conv(X, W, None, *WALK)
    assert who(W)["conv"] == "own tiles 64x64"


@pytest.mark.parametrize("why", ["deterministic", "nowhere to keep it"])
def test_without_measurements_the_first_serves(why, monkeypatch):
    if why == "deterministic":
        monkeypatch.setitem(options, "deterministic", True)
    monkeypatch.setattr(choosing, "private_folder", lambda name: None)
    assert convolved([], monkeypatch) == "own tiles 64x64"


def test_set_seed_says_that_nothing_is_measured():
    gpunn.set_seed(1, deterministic=True)
    assert options["deterministic"]
    gpunn.set_seed(1)
    assert not options["deterministic"]


def test_large_tiles_are_tried_against_smaller_ones(monkeypatch):
    left = iter([2.0, 1.0])
    monkeypatch.setattr(cp.cuda, "get_elapsed_time", lambda start, stop: next(left))
    monkeypatch.setattr(tiles, "BLOCKS", 1)
    w = put(3, 3, 8, 40)
    with offered(ImportError("none")):
        conv(X, w, None, *WALK)
    assert who(w)["conv"] == "own tiles 64x64" and next(left, None) is None


# -- captures and failures ---------------------------------------------------------------------------------------------
def test_a_capture_times_nothing_and_replays(captured, monkeypatch):  # noqa: F811
    x, out = put(2, 6, 6, 8), cp.empty((2, 6, 6, 8), "float32")
    always(monkeypatch, "cuDNN")
    with offered(StandIn()):
        graph = captured(lambda: conv(x, W, None, *WALK, out=out), 1)
        x.set(np.random.default_rng(1).standard_normal(x.shape).astype("float32"))
        graph.launch()
    close(out, cases_conv.conv(x.get(), W.get(), None, *WALK))
    assert graph.names == ["copy", "cudnn"]


def test_a_convolution_that_a_capture_is_the_first_to_see_ends_it(captured):  # noqa: F811
    out = cp.empty((2, 6, 6, 8), "float32")
    said = r"chosen yet for a conv of \(2, 6, 6, 8\) with \(3, 3, 8, 8\) in float32.*run the step once"
    with offered(StandIn()), pytest.raises(RuntimeError, match=said):
        captured(lambda: conv(X, W, None, *WALK, out=out), 0)


@pytest.mark.parametrize(("module", "line"), [
    (ImportError("No module named 'cudnn'"), "convolutions run without cuDNN: No module named 'cudnn'; pip install"),
    (StandIn(RuntimeError("it broke")), "cuDNN failed at a conv of (2, 6, 6, 8) with (3, 3, 8, 8) in float32: such run "
                                        "on gpunn's own kernels; it broke"),
    (StandIn(NotSupported("no engine")), None)])
def test_without_cudnn_all_is_right_and_said_once(module, line, capfd):
    w = put(3, 3, 8, 8)
    with offered(module):
        for _ in range(2):
            close(conv(X, w, None, *WALK), cases_conv.conv(X.get(), w.get(), None, *WALK))
            close(conv_input_grad(Z, w, X.shape, *WALK), cases_conv.conv_input_grad(Z.get(), w.get(), X.shape, *WALK))
            close(conv_weight_grad(X, Z, (3, 3), *WALK), cases_conv.conv_weight_grad(X.get(), Z.get(), (3, 3), *WALK))
    said = capfd.readouterr().err.splitlines()
    assert [entry.startswith(f"gpunn: {line}") for entry in said] == [True] * (line is not None)
    assert who(w)["conv"] == who(w)["conv_input_grad"] == "own tiles 64x64"


def test_a_cudnn_that_fails_after_it_was_chosen_is_left(monkeypatch, capfd):
    convolved([3.0, 2.0, 1.0], monkeypatch)
    assert convolved([], monkeypatch, StandIn(RuntimeError("it broke")), runs=2) == "own tiles 64x64"
    assert "it broke" in capfd.readouterr().err


# -- whole models ------------------------------------------------------------------------------------------------------
@pytest.fixture
def on_sim():
    before = gpunn.device()
    yield gpunn.use("sim")
    gpunn.use(before)


def model():
    x = gpunn.Input((8, 8, 3))
    h = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    h = layers.Conv2D(8, 1)(layers.DepthwiseConv2D(3, padding="same")(h))
    return gpunn.Model(x, layers.Dense(4)(layers.Flatten()(layers.Conv2DTranspose(4, 3, strides=2)(h))))


def trained(eager=False):
    gpunn.set_seed(3)
    net = model()
    net.compile("sgd", "mse", run_eagerly=eager)
    x, y = (np.random.default_rng(1).standard_normal(shape).astype("float32") for shape in ((8, 8, 8, 3), (8, 4)))
    return net.fit(x, y, batch_size=4, epochs=2, verbose=0).history["loss"], net


def test_a_training_is_the_same(on_sim, monkeypatch, capfd):
    """Recorded or not, by cuDNN and by gpunn's own kernels."""
    own, _ = trained()
    always(monkeypatch, "cuDNN")
    with offered(stand_in := StandIn()):
        theirs, eager = trained()[0], trained(True)[0]
    np.testing.assert_allclose(own, theirs, 1e-4)
    assert theirs == eager and stand_in.ran and "runs eagerly" not in capfd.readouterr().err


def engines_of(net) -> list[str]:
    lines = []
    net.summary(print_fn=lines.append, show_engine=True)
    rows = [[cell.strip() for cell in line[1:-1].split("│")] for line in lines[0].splitlines() if "│" in line]
    assert rows[0][-1] == "Engine"
    return [row[-1] for row in rows[1:]]


def test_a_summary_shows_who_serves_a_layer(on_sim, monkeypatch):
    assert engines_of(model()) == ["-"] * 7
    monkeypatch.setattr(choosing.Choices, "best", lambda self, problem, ways, run: 0)
    with offered(StandIn()), serving(Multiplier()):
        assert engines_of(trained()[1]) == [
            "-", "own tiles 64x64", "depthwise", "cuBLASLt", "own tiles 64x64", "-", "cuBLASLt"]
        always(monkeypatch, "cuDNN")
        assert engines_of(trained()[1]) == ["-", "cuDNN", "cuDNN", "cuDNN", "cuDNN", "-", "cuBLASLt"]


def test_a_summary_shows_forward_and_backward_apart(on_sim, monkeypatch):
    monkeypatch.setattr(cudnn.Chooser, "pick", lambda chooser, p, ways, arrays: chooser.ready(True, p) or (
        "cuDNN" if p.kernel == "conv" else next(iter(ways))))
    with offered(StandIn()):
        assert engines_of(trained()[1])[1:3] == ["cuDNN", "back: own tiles 64x64"]
