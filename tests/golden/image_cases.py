"""What is recorded from Keras 3 for ops.image: (function, arguments, options)."""
import numpy as np

_r = np.random.default_rng(3)
X = _r.uniform(0, 1, (2, 5, 6, 3)).astype("float32")
TURN = np.array([[0.9, -0.3, 0.7, 0.2, 1.1, -0.4, 0, 0], [1, 0, 1.5, 0, 1, -0.5, 0, 0]], "float32")
CASES = [
    ("resize", ((10, 9),), {}), ("resize", ((3, 4),), {}), ("resize", ((10, 12),), {"interpolation": "nearest"}),
    ("resize", ((3, 4),), {"antialias": True}), ("resize", ((8, 4),), {"crop_to_aspect_ratio": True}),
    ("resize", ((8, 4),), {"pad_to_aspect_ratio": True, "fill_value": 0.5}),
    ("crop_images", (1, 2), {"target_height": 2, "target_width": 3}),
    ("crop_images", (1, 2, 0, 1), {}),
    ("pad_images", (1, 2), {"target_height": 8, "target_width": 9}), ("pad_images", (1, 2, 0, 1), {}),
    ("rgb_to_grayscale", (), {}), ("extract_patches", (2,), {}),
    ("extract_patches", ((2, 3),), {"strides": 1, "padding": "same"}),
    ("extract_patches", (2,), {"strides": 1, "dilation_rate": 2}),
    *[("affine_transform", (TURN,), {"interpolation": i, "fill_mode": m, "fill_value": 0.25})
      for i in ("nearest", "bilinear") for m in ("constant", "nearest", "wrap", "reflect", "mirror")],
]
