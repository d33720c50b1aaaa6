"""The layers, with Keras' names."""
from .. import _objects
from .activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from .attention import Attention, MultiHeadAttention
from .augmentation import RandomFlip, RandomRotation, RandomTranslation, RandomZoom
from .cells import GRUCell, LSTMCell, SimpleRNNCell
from .conv import (Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Convolution1D, Convolution1DTranspose,
                   Convolution2D, Convolution2DTranspose, DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D,
                   SeparableConv2D, SeparableConvolution1D, SeparableConvolution2D)
from .dense import Dense
from .embedding import Embedding, Masking
from .input import Input, InputLayer
from .input_spec import InputSpec
from .layer import Layer
from .merge import (Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract, add, average, concatenate,
                    dot, maximum, minimum, multiply, subtract)
from .normalization import BatchNormalization, GroupNormalization, LayerNormalization, Normalization, RMSNormalization
from .plain import Identity, Lambda, Maxout, Rescaling
from .pooling import (AveragePooling1D, AveragePooling2D, AvgPool1D, AvgPool2D, GlobalAveragePooling1D,
                      GlobalAveragePooling2D, GlobalAvgPool1D, GlobalAvgPool2D, GlobalMaxPool1D, GlobalMaxPool2D,
                      GlobalMaxPooling1D, GlobalMaxPooling2D, MaxPool1D, MaxPool2D, MaxPooling1D, MaxPooling2D)
from .recurrent import GRU, LSTM, RNN, SimpleRNN, StackedRNNCells
from .regularization import (ActivityRegularization, AlphaDropout, Dropout, GaussianDropout, GaussianNoise,
                             SpatialDropout1D, SpatialDropout2D)
from .reshaping import Cropping2D, Flatten, Permute, RepeatVector, Reshape, UpSampling2D, ZeroPadding2D
from .wrappers import Bidirectional, TimeDistributed, Wrapper

KNOWN = {name: thing for name, thing in globals().items() if isinstance(thing, type) and issubclass(thing, Layer)}
_, deserialize = _objects.lookups("layer", KNOWN)
serialize = _objects.serialize
