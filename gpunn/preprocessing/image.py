"""Images in files and as arrays."""
from ..utils.image import array_to_img, img_to_array, load_img, save_img, smart_resize  # noqa: F401
