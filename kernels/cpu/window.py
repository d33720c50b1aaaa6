"""What convolution and pooling share: how many windows fit, and which pixels of one are real."""
from .launch import inner_kernel


def windows(shape, size, strides, padding, dilation=(1, 1)):
    """(n, h, w, c) -> (oh, ow): how often the window fits into the padded image."""
    return [max(0, (length + before + after - (taps - 1) * gap - 1) // step + 1)
            for length, taps, step, (before, after), gap in zip(shape[1:3], size, strides, padding, dilation)]


@inner_kernel
def real(start, taps, length):
    """A window starts at `start` (before the image: negative): its taps first..stop lie on the image."""
    first = min(taps, max(0, -start))
    return first, max(first, min(taps, length - start))
