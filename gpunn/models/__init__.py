"""Models: Sequential, functional graphs, and subclasses; how they are trained, saved and made anew."""
from .clone import clone_model
from .files import load_model, save_model
from .model import Functional, Model
from .objects import model_from_json
from .sequential import Sequential
