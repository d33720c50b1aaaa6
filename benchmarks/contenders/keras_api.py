"""A workload as a Keras model: gpunn and Keras itself are called the same way."""


def branches(keras, x, branches):
    return keras.layers.add([chain(keras, x, branch) for branch in branches])


def conv(keras, x, filters, size, stride, padding, activation, dilation, groups):
    make = keras.layers.Conv1D if len(x.shape) == 3 else keras.layers.Conv2D
    return make(filters, size, stride, padding, dilation_rate=dilation, groups=groups, activation=activation)(x)


def mean(keras, x):
    return (keras.layers.GlobalAveragePooling1D if len(x.shape) == 3 else keras.layers.GlobalAveragePooling2D)()(x)


def attention(keras, x, heads, width):
    return keras.layers.MultiHeadAttention(heads, width // heads)(x, x, use_causal_mask=True)


KINDS = {
    "dense": lambda keras, x, units, activation: keras.layers.Dense(units, activation)(x),
    "conv": conv,
    "depthwise": lambda keras, x, size: keras.layers.DepthwiseConv2D(size, padding="same", activation="relu")(x),
    "transposed": lambda keras, x, filters, size, stride: keras.layers.Conv2DTranspose(
        filters, size, stride, "same", activation="relu")(x),
    "pool": lambda keras, x: keras.layers.MaxPooling2D(2)(x),
    "flatten": lambda keras, x: keras.layers.Flatten()(x),
    "mean": mean,
    "norm": lambda keras, x: keras.layers.BatchNormalization()(x),
    "relu": lambda keras, x: keras.layers.ReLU()(x),
    "sum": branches,
    "lstm": lambda keras, x, units: keras.layers.LSTM(units)(x),
    "gru": lambda keras, x, units: keras.layers.GRU(units)(x),
    "embedding": lambda keras, x, tokens, width: keras.layers.Embedding(tokens, width)(x),
    "layer_norm": lambda keras, x: keras.layers.LayerNormalization()(x),
    "attention": attention,
}


def chain(keras, x, layers):
    for kind, options in layers:
        x = KINDS[kind](keras, x, **options)
    return x


def compiled(keras, work, **options):
    x, before = keras.Input(work.shape, dtype="int32" if work.tokens else "float32"), keras.config.dtype_policy()
    if work.policy != before.name:
        keras.config.set_dtype_policy(work.policy)
    model = keras.Model(x, chain(keras, x, work.layers))
    if work.policy != before.name:
        keras.config.set_dtype_policy(before)
    loss = "mse" if work.classes is None else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, **options)
    return model


def train(keras, work, x, y, rounds, **options):
    """One call of fit whose epochs wait for their turn; the options are those of `compile`."""
    model = compiled(keras, work, **options)

    def begin(epoch, logs=None):
        model.stop_training = not rounds.begin()

    def end(epoch, logs=None):
        rounds.end()
        begin(epoch)
    begin(0)
    turns = keras.callbacks.LambdaCallback(on_epoch_end=end)
    model.fit(x, y, batch_size=work.batch, epochs=10 ** 9, verbose=0, callbacks=[turns])
