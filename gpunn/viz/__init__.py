"""Pictures of what a model did: plain SVG and CSV, made without any plotting library."""
from .curves import save_curves, save_lines, write_csv
