"""Every name that Keras 3 has and that belongs here is here, under the same path; what is not is listed with its
reason."""
import json
import pathlib
from operator import attrgetter

import pytest

import gpunn

MODULES = json.loads((pathlib.Path(__file__).parent / "golden" / "surface.json").read_text())["modules"]
# Of what Keras 3 has and courses use little: not here yet, by module; a whole module where no name is listed.
NOT_YET = {
    "": ("it recomputes activations to save memory: programs plan memory themselves", "remat RematScope"),
    "applications": ("architectures whose point is weights that cannot be fetched", None),
    "distillation": ("a train_step of ten lines", None),
    "quantizers": ("inference with whole numbers", None),
    "distribution": ("one device", "DataParallel distribution initialize set_distribution"),
    "layers": ("rare in courses: convolutions in recurrent cells, hashes, further augmentation",
               "ConvLSTM1D ConvLSTM2D ConvLSTM3D Hashing AugMix AutoContrast "
               "CutMix RandAugment RandomColorJitter RandomErasing RandomGaussianBlur RandomGrayscale RandomHue "
               "RandomInvert RandomSaturation RandomSharpness RandomShear"),
    "losses": ("speech", "CTC ctc"),
    "datasets": ("texts and tables that no machine has before it fetched them", "california_housing imdb reuters"),
    "utils": ("tables by columns, and a relic of Keras 1", "FeatureSpace get_source_inputs"),
    "dtype_policies": ("a layer takes its own dtype=", "DTypePolicyMap"),
    "config": ("switches of what is always on here, and limits that `fit` takes as arguments",
               "enable_flash_attention disable_flash_attention is_flash_attention_enabled enable_traceback_filtering "
               "disable_traceback_filtering is_traceback_filtering_enabled max_epochs max_steps_per_epoch "
               "set_max_epochs set_max_steps_per_epoch"),
    "wrappers": ("a model that gives features: `Model(inputs, features).predict`", "SKLearnTransformer"),
    "ops.nn": ("windows, which extract_patches gives", "fold unfold"),
    "ops.numpy": ("Python loops, and what is not differentiable", "correlate i0 vectorize view"),
    "ops.linalg": ("decompositions outside of training", "eig lu_factor"),
    "ops.image": ("color spaces and warps outside of training",
                  "gaussian_blur hsv_to_rgb map_coordinates perspective_transform rgb_to_hsv sobel_edges"),
    "ops": ("no complex numbers", "fft fft2 ifft2 irfft rfft view_as_complex view_as_real"),
}
# the one cost a line, the lectures name the other's files
OUT_BUT_HERE = {"optimizers.Ftrl", "utils.audio_dataset_from_directory"}


def there(module: str, name: str) -> bool:
    try:
        attrgetter(f"{module}.{name}".lstrip("."))(gpunn)
    except AttributeError:
        return False
    return True


def missing(module: str, mark: str) -> set:
    return {name for name in MODULES[module][mark] if not there(module, name)}


@pytest.mark.parametrize("module", MODULES)
def test_all_that_must_be_is_there(module):
    assert not missing(module, "must")


@pytest.mark.parametrize("module", MODULES)
def test_what_may_be_missing_is_what_is_listed(module):
    """Also: what is listed as missing is missing."""
    reason, names = NOT_YET.get(module, ("", ""))
    expected = MODULES[module]["later"] if names is None else names.split()
    assert missing(module, "later") - (set(NOT_YET) if not module else set()) == set(expected)
    assert bool(reason) == (names != "")


@pytest.mark.parametrize("module", MODULES)
def test_what_stays_out_stays_out(module):
    found = {f"{module}.{name}" for name in MODULES[module]["out"] if there(module, name)}
    assert found <= OUT_BUT_HERE


def test_the_list_is_whole_and_lookups_can_fail():
    must = sum(len(names["must"]) for names in MODULES.values())
    assert must > 637 and len(MODULES) == 34 and not there("layers", "Dens") and not there("nowhere", "Dense")
