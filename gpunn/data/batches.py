"""A batch as a step sees it: x, (x, y) or (x, y, sample_weight), as in Keras."""


def pack(x, y=None, sample_weight=None):
    if y is None:
        return (x,) if isinstance(x, tuple | list) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack(data):
    """(x, y, sample_weight) with None for what is not there."""
    if isinstance(data, list):
        data = tuple(data)
    if data is None:
        raise ValueError("a batch must be x, (x, y) or (x, y, sample_weight), got None. Fix: `return`")
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"a batch must be x, (x, y) or (x, y, sample_weight), got a tuple of {len(data)}")
    return (*data, None, None)[:3]
