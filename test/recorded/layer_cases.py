"""Single layers of Keras: (kind, shape of a sample or a list of them, options[, options of the call])."""

WHOLE_FILTERS = {"axis": [0, 1, 2]}


def pooled(axes, shape, **options):
    return [(f"{kind}Pooling{axes}D", shape, options) for kind in ("Max", "Average")]


CONVOLUTIONS = [
    ("Conv1D", (9, 3), dict(filters=4, kernel_size=3, padding="causal", strides=2)),
    ("Conv1D", (9, 2), dict(filters=3, kernel_size=4, padding="causal", dilation_rate=2)),
    ("Conv1D", (1, 3), dict(filters=2, kernel_size=4, padding="same", strides=3)),
    (
        "Conv1D",
        (8, 6),
        dict(filters=4, kernel_size=2, groups=2, activation="tanh", kernel_regularizer=("L2", {"l2": 0.1})),
    ),
    ("Conv2D", (7, 6, 3), dict(filters=4, kernel_size=(4, 2), padding="same", strides=(3, 2))),
    ("Conv2D", (6, 5, 2), dict(filters=3, kernel_size=2, strides=4, padding="valid", use_bias=False)),
    ("Conv2D", (1, 8, 1), dict(filters=2, kernel_size=(5, 3), padding="same", dilation_rate=(1, 2))),
    ("Conv2D", (5, 5, 4), dict(filters=4, kernel_size=3, padding="same", groups=4)),
    *(
        ("Conv2D", (5, 4, 2), dict(filters=3, kernel_size=2, kernel_constraint=constraint))
        for constraint in (
            ("MaxNorm", {"max_value": 0.5, **WHOLE_FILTERS}),
            ("UnitNorm", WHOLE_FILTERS),
            ("MinMaxNorm", {"min_value": 0.5, "max_value": 0.8, "rate": 0.5, "axis": [0, 1]}),
        )
    ),
    ("Conv3D", (3, 4, 2, 2), dict(filters=2, kernel_size=(2, 3, 2), padding="same", strides=(1, 2, 1))),
    ("Conv1DTranspose", (4, 3), dict(filters=2, kernel_size=2, strides=3, padding="same")),
    ("Conv1DTranspose", (4, 2), dict(filters=2, kernel_size=4, strides=3, output_padding=2)),
    ("Conv2DTranspose", (3, 2, 2), dict(filters=3, kernel_size=(2, 4), strides=(3, 2), padding="same")),
    (
        "Conv2DTranspose",
        (3, 3, 2),
        dict(filters=2, kernel_size=3, strides=2, padding="same", output_padding=1),
    ),
    ("Conv2DTranspose", (2, 3, 2), dict(filters=2, kernel_size=1, strides=3)),
    ("Conv3DTranspose", (2, 2, 2, 2), dict(filters=1, kernel_size=(2, 3, 2), strides=2, padding="same")),
    ("DepthwiseConv1D", (7, 2), dict(kernel_size=4, strides=3, padding="same", depth_multiplier=2)),
    (
        "DepthwiseConv2D",
        (5, 5, 2),
        dict(kernel_size=(2, 3), padding="same", dilation_rate=2, depth_multiplier=3),
    ),
    (
        "DepthwiseConv2D",
        (4, 5, 3),
        dict(kernel_size=2, strides=2, depthwise_constraint=("MaxNorm", {"max_value": 0.5, "axis": [0, 1]})),
    ),
    (
        "SeparableConv1D",
        (6, 3),
        dict(filters=2, kernel_size=3, strides=2, padding="same", depth_multiplier=2),
    ),
    (
        "SeparableConv2D",
        (4, 4, 2),
        dict(filters=3, kernel_size=2, padding="same", pointwise_regularizer=("L1", {"l1": 0.1})),
    ),
]

POOLING = [
    *pooled(1, (7, 2), pool_size=3, strides=2, padding="same"),
    *pooled(2, (5, 6, 2), pool_size=(4, 2), strides=3, padding="same"),
    *pooled(2, (5, 4, 2), pool_size=2, strides=(3, 1)),
    *pooled(3, (3, 3, 2, 1), pool_size=2, strides=1, padding="same"),
    ("AdaptiveAveragePooling1D", (7, 2), dict(output_size=3)),
    ("AdaptiveAveragePooling2D", (5, 3, 2), dict(output_size=(2, 4))),
    ("AdaptiveAveragePooling3D", (3, 2, 4, 2), dict(output_size=(2, 1, 3))),
    ("AdaptiveMaxPooling1D", (7, 2), dict(output_size=3)),
    ("AdaptiveMaxPooling2D", (5, 3, 2), dict(output_size=(2, 4))),
    ("AdaptiveMaxPooling3D", (3, 2, 4, 2), dict(output_size=(2, 1, 3))),
    ("GlobalMaxPooling1D", (5, 2), dict()),
    ("GlobalMaxPooling2D", (3, 4, 2), dict(keepdims=True)),
    ("GlobalMaxPooling3D", (2, 3, 2, 2), dict()),
    ("GlobalAveragePooling1D", (5, 2), dict(keepdims=True)),
    ("GlobalAveragePooling2D", (3, 4, 2), dict()),
    ("GlobalAveragePooling3D", (2, 3, 2, 2), dict()),
]

SIZES = [
    ("ZeroPadding1D", (4, 2), dict(padding=(0, 2))),
    ("ZeroPadding2D", (2, 3, 2), dict(padding=((1, 0), (0, 2)))),
    ("ZeroPadding3D", (1, 2, 2, 2), dict(padding=(1, 0, 1))),
    ("Cropping1D", (5, 2), dict(cropping=(2, 1))),
    ("Cropping3D", (3, 2, 4, 1), dict(cropping=((1, 0), 0, (1, 2)))),
    ("Cropping2D", (4, 5, 2), dict(cropping=((1, 0), (2, 1)))),
    ("UpSampling1D", (3, 2), dict(size=3)),
    ("UpSampling2D", (2, 3, 2), dict(size=(3, 2), interpolation="bilinear")),
    ("UpSampling2D", (3, 2, 1), dict(size=(2, 3), interpolation="bicubic")),
    ("UpSampling2D", (3, 2, 1), dict(size=2, interpolation="lanczos3")),
    ("UpSampling3D", (1, 2, 2, 1), dict(size=(2, 1, 3))),
    ("Resizing", (3, 8, 1), dict(height=2, width=6, interpolation="nearest", pad_to_aspect_ratio=True)),
    ("Resizing", (6, 5, 1), dict(height=7, width=2, pad_to_aspect_ratio=True, fill_value=1.5)),
    ("Resizing", (5, 3, 1), dict(height=4, width=5, pad_to_aspect_ratio=True)),
    ("Resizing", (3, 7, 1), dict(height=4, width=3, crop_to_aspect_ratio=True)),
    ("Resizing", (7, 5, 1), dict(height=3, width=4, interpolation="lanczos5")),
    ("Resizing", (7, 5, 1), dict(height=3, width=2, antialias=True)),
    ("Resizing", (5, 3, 2), dict(height=7, width=4, interpolation="bicubic")),
    ("Resizing", (7, 5, 1), dict(height=3, width=4, interpolation="bicubic", antialias=True)),
    ("Rescaling", (2, 3), dict(scale=0.25, offset=[-1.0, 0.5, 2.0])),
    ("PixelShuffle", (2, 1, 8), dict(block_size=2)),
    ("PixelUnshuffle", (2, 4, 3), dict(block_size=2)),
    ("CenterCrop", (5, 6, 1), dict(height=2, width=3)),
    ("CenterCrop", (3, 6, 1), dict(height=4, width=3)),
]

NORMALIZATION = [
    ("BatchNormalization", (3, 4), dict(axis=1, momentum=0.5, epsilon=0.01)),
    ("BatchNormalization", (2, 3, 2), dict(axis=-1, momentum=0.9, scale=False)),
    ("BatchNormalization", (4,), dict(momentum=0.0, center=False)),
    ("LayerNormalization", (3, 2, 4), dict(axis=[1, 3], epsilon=0.1)),
    ("LayerNormalization", (3, 4), dict(axis=1, center=False)),
    ("GroupNormalization", (3, 2, 6), dict(groups=3, epsilon=0.01)),
    ("GroupNormalization", (4, 3), dict(groups=-1, scale=False)),
    ("RMSNormalization", (3, 4), dict(epsilon=0.1)),
    ("UnitNormalization", (3, 4), dict(axis=[1, 2])),
    ("Normalization", (3, 4), dict()),
    ("Normalization", (3, 4), dict(axis=1, invert=True)),
    ("ActivityRegularization", (3, 2), dict(l1=0.1, l2=0.2)),
    ("Softmax", (3, 4), dict(axis=1)),
    ("Softmax", (2, 3, 4), dict(axis=[1, 3])),
    ("PReLU", (3, 4), dict(shared_axes=[1])),
    ("ReLU", (9,), dict(max_value=0.5, negative_slope=0.2, threshold=0.25)),
    ("LeakyReLU", (9,), dict()),
    ("ELU", (9,), dict(alpha=0.3)),
]

CORE = [
    ("Dense", (2, 3), dict(units=2, activation="tanh", bias_regularizer=("L2", {"l2": 0.1}))),
    ("Activation", (5,), dict(activation="gelu")),
    ("Identity", (2, 3), dict()),
    ("Flatten", (2, 3, 2), dict()),
    ("Reshape", (2, 6), dict(target_shape=(3, -1))),
    ("Permute", (2, 3, 4), dict(dims=(3, 1, 2))),
    ("RepeatVector", (3,), dict(n=4)),
    ("Masking", (4, 2), dict()),
    ("Embedding", (5,), dict(input_dim=7, output_dim=3)),
    ("Add", [(3, 4), (3, 4), (1, 4)], dict()),
    ("Subtract", [(3, 4), (3, 4)], dict()),
    ("Multiply", [(3, 4), (3, 1), (3, 4)], dict()),
    ("Average", [(3, 4), (3, 4), (3, 4)], dict()),
    ("Maximum", [(3, 4), (3, 4), (3, 4)], dict()),
    ("Minimum", [(3, 4), (3, 4)], dict()),
    ("Concatenate", [(3, 4), (2, 4)], dict(axis=1)),
    ("Dot", [(3, 4), (4, 2)], dict(axes=(2, 1))),
    ("Dot", [(3, 4), (2, 4)], dict(axes=-1, normalize=True)),
]

ATTENTION = [
    ("Attention", [(3, 4), (5, 4)], dict()),
    ("Attention", [(4, 4), (4, 2), (4, 4)], dict(use_scale=True), dict(use_causal_mask=True)),
    ("Attention", [(3, 4), (5, 2), (5, 4)], dict(score_mode="concat", use_scale=True)),
    ("AdditiveAttention", [(3, 4), (5, 2), (5, 4)], dict()),
    ("AdditiveAttention", [(4, 3), (4, 3)], dict(use_scale=False), dict(use_causal_mask=True)),
    ("MultiHeadAttention", [(3, 4), (5, 6)], dict(num_heads=2, key_dim=3, value_dim=2)),
    (
        "GroupQueryAttention",
        [(3, 6), (5, 6)],
        dict(head_dim=2, num_query_heads=4, num_key_value_heads=2),
    ),
    (
        "GroupQueryAttention",
        [(4, 6), (4, 6)],
        dict(head_dim=3, num_query_heads=2, num_key_value_heads=1, use_bias=False),
        dict(use_causal_mask=True),
    ),
]

RECURRENT = [
    ("SimpleRNN", (4, 3), dict(units=2, activation="sigmoid", go_backwards=True)),
    ("LSTM", (4, 3), dict(units=2, recurrent_activation="hard_sigmoid", return_sequences=True)),
    ("GRU", (4, 3), dict(units=2, use_bias=False)),
    ("GRU", (4, 3), dict(units=2, reset_after=False, activation="relu")),
    ("RNN", (4, 3), dict(cell=("SimpleRNNCell", dict(units=2)), return_sequences=True)),
    ("RNN", (4, 3), dict(cell=("LSTMCell", dict(units=2)), go_backwards=True)),
    ("RNN", (4, 3), dict(cell=("GRUCell", dict(units=2)))),
    (
        "RNN",
        (4, 3),
        dict(cell=("StackedRNNCells", dict(cells=[("GRUCell", dict(units=2)), ("LSTMCell", dict(units=3))]))),
    ),
    ("Bidirectional", (4, 3), dict(layer=("GRU", dict(units=2)), merge_mode="mul")),
    ("TimeDistributed", (3, 4), dict(layer=("Dense", dict(units=2, activation="softplus")))),
    (
        "ConvLSTM2D",
        (3, 4, 4, 1),
        dict(filters=2, kernel_size=(2, 3), padding="same", recurrent_activation="hard_sigmoid"),
    ),
    (
        "ConvLSTM1D",
        (3, 5, 2),
        dict(filters=2, kernel_size=3, padding="same", strides=2, return_sequences=True),
    ),
    ("ConvLSTM3D", (2, 3, 2, 3, 1), dict(filters=1, kernel_size=2, go_backwards=True, activation="relu")),
]

# Of KerasHub.
POSITIONS = [
    ("PositionEmbedding", (3, 4), dict(sequence_length=5)),
    ("SinePositionEncoding", (5, 6), dict(max_wavelength=100)),
    ("SinePositionEncoding", (4, 5), dict()),
    ("RotaryEmbedding", (5, 6), dict()),
    ("RotaryEmbedding", (5, 2, 4), dict(max_wavelength=50, scaling_factor=2.0)),
    ("AlibiBias", (2, 4, 4), dict(alibi_bias_max=4)),
]

FILES = {
    "convolutions": CONVOLUTIONS,
    "pooling": POOLING,
    "sizes": SIZES,
    "normalization": NORMALIZATION,
    "core": CORE,
    "attention": ATTENTION,
    "recurrent": RECURRENT,
    "positions": POSITIONS,
}
