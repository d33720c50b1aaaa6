"""Callbacks: what happens around epochs and batches."""
from .backup import BackupAndRestore
from .callback import Callback, CallbackList
from .checkpoint import ModelCheckpoint
from .csv_logger import CSVLogger
from .early_stopping import EarlyStopping
from .history import History
from .lambda_callback import LambdaCallback
from .learning_rate_finder import LearningRateFinder
from .progbar import ProgbarLogger
from .rates import LearningRateScheduler, ReduceLROnPlateau
from .stops import StopOnConvergence, TerminateOnNaN
from .swap_ema import SwapEMAWeights
from .tensorboard import TensorBoard
