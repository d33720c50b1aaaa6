"""`python -m gpunn`: the same as the command `gpunn`."""
import sys

from .cli import main

sys.exit(main())
