"""What served which weights, and what may choose that: both engines write here, `summary(show_engine=True)` reads."""
options = {"deterministic": False}              # no measurement decides who serves
served: dict[tuple, dict] = {}                  # (address, how many numbers) -> kernel -> who, the forward pass first


def note(address: int, size: int, kernel: str, who: str):
    """`kernel` worked with the weights (or made the gradient) that lie there."""
    served.setdefault((address, size), {})[kernel] = who
