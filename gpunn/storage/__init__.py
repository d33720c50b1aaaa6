"""Arrays and plain data on disk: whole files or none, and nothing in them can run."""
from .format import FormatError, load, save
from .text import read_json, write_json
