"""What is recorded from Keras 3 for losses and metrics: data, options, and the names of both sides."""
import numpy as np

_r = np.random.default_rng(7)
SCORES = _r.normal(size=(6, 4)).astype("float32")
PROBABILITIES = (np.exp(SCORES) / np.exp(SCORES).sum(-1, keepdims=True)).astype("float32")
ONE_HOT = np.eye(4, dtype="float32")[[0, 2, 1, 3, 2, 2]]
LABELS = np.array([0, 2, 1, 3, 2, 2], "int32")
SOFT = _r.dirichlet(np.ones(4), 6).astype("float32")
TARGETS = _r.normal(size=(6, 4)).astype("float32")
POSITIVE = _r.uniform(0.1, 2.0, (6, 4)).astype("float32")
BITS = (_r.random((6, 4)) < 0.5).astype("float32")
CHANCES = _r.uniform(0.02, 0.98, (6, 4)).astype("float32")
WEIGHTS = np.array([1.0, 0.5, 0.0, 2.0, 1.0, 0.25], "float32")
DEEP = _r.uniform(0.05, 0.95, (3, 5, 4)).astype("float32")
DEEP_LABELS = _r.integers(0, 4, (3, 5)).astype("int32")

# (class, options, y_true, y_pred)
LOSSES = [
    ("MeanSquaredError", {}, TARGETS, SCORES),
    ("MeanAbsoluteError", {}, TARGETS, SCORES),
    ("MeanAbsolutePercentageError", {}, TARGETS, SCORES),
    ("MeanSquaredLogarithmicError", {}, POSITIVE, CHANCES),
    ("CosineSimilarity", {}, TARGETS, SCORES),
    ("CosineSimilarity", {"axis": 0}, TARGETS, SCORES),
    ("Huber", {}, TARGETS, SCORES),
    ("Huber", {"delta": 0.3}, TARGETS, SCORES),
    ("LogCosh", {}, TARGETS, SCORES),
    ("Hinge", {}, BITS, SCORES),
    ("Hinge", {}, 2 * BITS - 1, SCORES),
    ("SquaredHinge", {}, BITS, SCORES),
    ("CategoricalHinge", {}, ONE_HOT, SCORES),
    ("KLDivergence", {}, SOFT, PROBABILITIES),
    ("Poisson", {}, POSITIVE, POSITIVE + CHANCES),
    ("BinaryCrossentropy", {}, BITS, CHANCES),
    ("BinaryCrossentropy", {"from_logits": True}, BITS, SCORES),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, BITS, CHANCES),
    ("BinaryFocalCrossentropy", {}, BITS, CHANCES),
    (
        "BinaryFocalCrossentropy", {"apply_class_balancing": True, "gamma": 1.5, "from_logits": True}, BITS,
        SCORES
    ),
    ("CategoricalCrossentropy", {}, ONE_HOT, PROBABILITIES),
    ("CategoricalCrossentropy", {"from_logits": True}, ONE_HOT, SCORES),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ONE_HOT, CHANCES),
    ("CategoricalCrossentropy", {"axis": 1}, SOFT, PROBABILITIES),
    ("CategoricalFocalCrossentropy", {}, ONE_HOT, PROBABILITIES),
    (
        "CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1, "gamma": 3.0}, ONE_HOT,
        SCORES
    ),
    ("SparseCategoricalCrossentropy", {}, LABELS, PROBABILITIES),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS, SCORES),
    ("SparseCategoricalCrossentropy", {}, LABELS[:, None], PROBABILITIES),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, LABELS, PROBABILITIES),
    ("SparseCategoricalCrossentropy", {}, DEEP_LABELS, DEEP),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, DEEP_LABELS, DEEP),
    ("Dice", {}, BITS, CHANCES),
    ("Dice", {"axis": 1}, BITS, CHANCES),
    ("Tversky", {"alpha": 0.3, "beta": 0.7}, BITS, CHANCES),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.7}, LABELS, PROBABILITIES),
]
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")
MASK = np.array([[1, 1, 0, 1, 0], [1, 1, 1, 1, 1], [0, 0, 0, 1, 1]], bool)
DEEP_WEIGHTS = _r.uniform(0, 2, (3, 5)).astype("float32")

# (class, options, y_true, y_pred)
METRICS = [
    ("Accuracy", {}, LABELS, LABELS[::-1].copy()),
    ("BinaryAccuracy", {}, BITS, CHANCES),
    ("BinaryAccuracy", {"threshold": 0.7}, BITS, CHANCES),
    ("BinaryAccuracy", {}, BITS[:, 0], CHANCES[:, :1]),
    ("CategoricalAccuracy", {}, ONE_HOT, SCORES),
    ("SparseCategoricalAccuracy", {}, LABELS, SCORES),
    ("SparseCategoricalAccuracy", {}, LABELS[:, None], SCORES),
    ("SparseCategoricalAccuracy", {}, DEEP_LABELS[:, :4].reshape(6, 2), DEEP[:, :4].reshape(6, 2, 4)),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT, SCORES),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, LABELS, SCORES),
    ("MeanSquaredError", {}, TARGETS, SCORES),
    ("MeanAbsoluteError", {}, TARGETS, SCORES),
    ("RootMeanSquaredError", {}, TARGETS, SCORES),
    ("MeanAbsolutePercentageError", {}, TARGETS, SCORES),
    ("MeanSquaredLogarithmicError", {}, POSITIVE, CHANCES),
    ("CosineSimilarity", {}, TARGETS, SCORES),
    ("LogCoshError", {}, TARGETS, SCORES),
    ("Hinge", {}, BITS, SCORES),
    ("SquaredHinge", {}, BITS, SCORES),
    ("CategoricalHinge", {}, ONE_HOT, SCORES),
    ("KLDivergence", {}, SOFT, PROBABILITIES),
    ("Poisson", {}, POSITIVE, POSITIVE + CHANCES),
    ("BinaryCrossentropy", {"from_logits": True}, BITS, SCORES),
    ("CategoricalCrossentropy", {}, ONE_HOT, PROBABILITIES),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS, SCORES),
    ("Precision", {}, BITS, CHANCES),
    ("Precision", {"thresholds": [0.2, 0.5, 0.8]}, BITS, CHANCES),
    ("Precision", {"top_k": 2}, BITS, CHANCES),
    ("Precision", {"class_id": 1}, BITS, CHANCES),
    ("Recall", {}, BITS, CHANCES),
    ("Recall", {"top_k": 2, "class_id": 2}, BITS, CHANCES),
    ("TruePositives", {}, BITS, CHANCES),
    ("FalsePositives", {"thresholds": [0.1, 0.9]}, BITS, CHANCES),
    ("TrueNegatives", {}, BITS, CHANCES),
    ("FalseNegatives", {}, BITS, CHANCES),
    ("AUC", {}, BITS, CHANCES),
    ("AUC", {"curve": "PR"}, BITS, CHANCES),
    ("AUC", {"curve": "PR", "summation_method": "minoring", "num_thresholds": 20}, BITS, CHANCES),
    ("AUC", {"summation_method": "majoring", "num_thresholds": 10}, BITS, CHANCES),
    ("AUC", {"multi_label": True, "num_labels": 4}, BITS, CHANCES),
    ("AUC", {"from_logits": True}, BITS, SCORES),
    ("AUC", {"thresholds": [0.3, 0.6]}, BITS, CHANCES),
    ("F1Score", {}, ONE_HOT, PROBABILITIES),
    ("F1Score", {"average": "micro", "threshold": 0.5}, BITS, CHANCES),
    ("FBetaScore", {"average": "weighted", "beta": 2.0}, ONE_HOT, PROBABILITIES),
    ("F1Score", {"average": "macro"}, ONE_HOT, PROBABILITIES),
    ("R2Score", {}, TARGETS, TARGETS + CHANCES),
    ("R2Score", {"class_aggregation": None}, TARGETS, TARGETS + CHANCES),
    (
        "R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, TARGETS,
        TARGETS + CHANCES
    ),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2], "dtype": "float32"}, LABELS, LABELS[::-1].copy()),
    ("IoU", {"num_classes": 4, "target_class_ids": [1], "sparse_y_pred": False, "dtype": "float32"}, LABELS, SCORES),
    ("MeanIoU", {"num_classes": 4, "dtype": "float32"}, LABELS, (LABELS + [0, 0, 1, 0, 0, 3]) % 4),
    ("MeanIoU", {"num_classes": 5, "ignore_class": 2, "dtype": "float32"}, LABELS, (LABELS + [0, 0, 1, 0, 0, 3]) % 4),
    ("BinaryIoU", {"dtype": "float32"}, BITS[:, 0], CHANCES[:, 0]),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3, "dtype": "float32"}, BITS[:, 1], CHANCES[:, 1]),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [2, 3], "dtype": "float32"}, ONE_HOT, SCORES),
    ("OneHotMeanIoU", {"num_classes": 4, "dtype": "float32"}, ONE_HOT, PROBABILITIES),
    ("SensitivityAtSpecificity", {"specificity": 0.5}, BITS, CHANCES),
    ("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 11}, BITS, CHANCES),
    ("PrecisionAtRecall", {"recall": 0.6, "class_id": 1}, BITS, CHANCES),
    ("PrecisionAtRecall", {"recall": 0.6, "num_thresholds": 1}, BITS, CHANCES),
    ("RecallAtPrecision", {"precision": 0.6}, BITS, CHANCES),
    ("PearsonCorrelation", {}, TARGETS, SCORES),
    ("PearsonCorrelation", {"axis": (1, 2)}, TARGETS.reshape(6, 2, 2), SCORES.reshape(6, 2, 2)),
    ("ConcordanceCorrelation", {}, TARGETS, SCORES),
]
