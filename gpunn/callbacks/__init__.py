"""Callbacks: what happens around epochs and batches."""
from .callback import Callback, CallbackList
from .early_stopping import EarlyStopping
from .history import History
from .lambda_callback import LambdaCallback
from .learning_rate_finder import LearningRateFinder
from .progbar import ProgbarLogger

__all__ = ["Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "LearningRateFinder",
           "ProgbarLogger"]
