"""Callbacks: what happens around epochs and batches."""
from .backup import BackupAndRestore
from .callback import Callback, CallbackList, LambdaCallback
from .checkpoint import ModelCheckpoint
from .history import CSVLogger, History
from .learning_rate_finder import LearningRateFinder
from .progress import ProgbarLogger
from .rates import LearningRateScheduler, ReduceLROnPlateau
from .stops import EarlyStopping, StopOnConvergence, TerminateOnNaN
from .swap_ema import SwapEMAWeights
from .tensorboard import TensorBoard
