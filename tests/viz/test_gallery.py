"""plot_image_gallery: the pixels, the places, the titles."""
import base64
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from gpunn.utils import png
from gpunn.visualization import plot_image_gallery

IMAGES = np.arange(5 * 4 * 6 * 3).reshape(5, 4, 6, 3) / 359


def pictures(svg):
    ElementTree.fromstring(svg)
    return [png.read(base64.b64decode(raw)) for raw in re.findall(r"base64,([^\"]*)", svg)]


@pytest.mark.parametrize("images, data_format", [(IMAGES, None), (IMAGES.transpose(0, 3, 1, 2), "channels_first")])
def test_pixels(images, data_format):
    found = pictures(plot_image_gallery(images, value_range=(0, 1), data_format=data_format))
    np.testing.assert_array_equal(found, (IMAGES * 255).astype(np.uint8))


def test_places_and_titles_in_a_file(tmp_path):
    plot_image_gallery(IMAGES, [0, 1, 0, 1, 2], np.array([0, 0, 0, 1, 1]), {0: "cat", 1: "d<g"}, cols=2, scale=1,
                       path=tmp_path / "a.svg", transparent=False)
    svg = (tmp_path / "a.svg").read_text()
    assert len(pictures(svg)) == 5 and 'width="120" height="168.0"' in svg and 'x="60" y="72.0"' in svg
    assert "Label: cat  Pred: cat" in svg and "Label: d&lt;g  Pred: cat" in svg and "Label: Unknown" in svg


@pytest.mark.parametrize("options, words", [
    ({"images": IMAGES[0]}, r"images must be of shape \(n, h, w, 1, 3 or 4\), got \(4, 6, 3\)"),
    ({"path": "a.png"}, "path must be the name of an '.svg', got 'a.png'"),
    ({"path": "a.svg", "show": True}, "show must be None or False with a path, got True"),
    ({"y_pred": [1] * 5}, "label_map must be given with y_true and y_pred: {0: 'cat'")])
def test_refused(options, words):
    with pytest.raises(ValueError, match=words):
        plot_image_gallery(**{"images": IMAGES, **options})
