"""The layers, with Keras' names."""
from .. import _objects
from .activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from .attention import AdditiveAttention, Attention, GroupedQueryAttention, GroupQueryAttention, MultiHeadAttention
from .augmentation import (MixUp, RandomBrightness, RandomContrast, RandomCrop, RandomFlip, RandomRotation,
                           RandomTranslation, RandomZoom)
from .cells import GRUCell, LSTMCell, SimpleRNNCell
from .conv import (Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose, Convolution1D,
                   Convolution1DTranspose, Convolution2D, Convolution2DTranspose, Convolution3D,
                   Convolution3DTranspose, DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D,
                   SeparableConvolution1D, SeparableConvolution2D)
from .dense import Dense, EinsumDense
from .embedding import Embedding, Masking
from .encoding import CategoryEncoding, Discretization
from .images import CenterCrop, Resizing
from .input import Input, InputLayer
from .input_spec import InputSpec
from .layer import Layer
from .lookup import IntegerLookup, StringLookup, TextVectorization
from .merge import (Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract, add, average, concatenate,
                    dot, maximum, minimum, multiply, subtract)
from .normalization import (BatchNormalization, GroupNormalization, LayerNormalization, Normalization,
                            RMSNormalization, UnitNormalization)
from .plain import Identity, Lambda, Maxout, Rescaling
from .pooling import (AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D,
                      AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D, AveragePooling1D,
                      AveragePooling2D, AveragePooling3D, AvgPool1D, AvgPool2D, AvgPool3D, GlobalAveragePooling1D,
                      GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalAvgPool1D, GlobalAvgPool2D,
                      GlobalAvgPool3D, GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D, GlobalMaxPooling1D,
                      GlobalMaxPooling2D, GlobalMaxPooling3D, MaxPool1D, MaxPool2D, MaxPool3D, MaxPooling1D,
                      MaxPooling2D, MaxPooling3D)
from .recurrent import GRU, LSTM, RNN, SimpleRNN, StackedRNNCells
from .regularization import (ActivityRegularization, AlphaDropout, Dropout, GaussianDropout, GaussianNoise,
                             SpatialDropout1D, SpatialDropout2D, SpatialDropout3D)
from .reshaping import (Cropping1D, Cropping2D, Cropping3D, Flatten, Permute, RepeatVector, Reshape, UpSampling1D,
                        UpSampling2D, UpSampling3D, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D)
from .wrappers import Bidirectional, SpectralNormalization, TimeDistributed, Wrapper

KNOWN = {name: thing for name, thing in globals().items() if isinstance(thing, type) and issubclass(thing, Layer)}
_, deserialize = _objects.lookups("layer", KNOWN)
serialize = _objects.serialize
