"""`python -m gpunn`: the same as the command `gpunn`."""
import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
