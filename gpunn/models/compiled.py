"""What `compile` was given, matched with the model's outputs: one loss and a list of metrics for each."""
from collections.abc import Mapping

from .. import losses as losses_module
from .. import metrics as metrics_module
from .. import ops
from ..metrics import Mean
from ..tree import flatten


class Results(Mapping):
    """What a step logs: the metrics' results by name. Computed not in the step, but where one is looked up."""

    def __init__(self, named):
        self.metrics = dict(named)

    def __getitem__(self, name):
        return self.metrics[name].result()

    def __iter__(self):
        return iter(self.metrics)

    def __len__(self):
        return len(self.metrics)


class LossMean(Mean):
    """The mean of the batches' losses, each counted as often as its batch has samples."""

    def update_state(self, loss, samples: int = 1):
        self.add(ops.cast(loss, self.total.dtype), samples, None, samples)


class NotYet:
    """Stands for a model's compiled metrics until its first batch tells what they are."""
    name, variables = "compile_metrics", ()

    def __init__(self, model):
        self.model = model

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.model.compute_metrics(None, y_true, y_pred, sample_weight)

    def result(self) -> dict:
        return {}

    def reset_state(self):
        pass


class Losses:
    """The total of the weighted losses of all outputs; each output's own loss is tracked when there are several."""

    def __init__(self, loss, loss_weights, names):
        functions = _per_output("loss", loss, names)
        self.functions = functions
        weights = _per_output("loss_weights", loss_weights, names) if loss_weights is not None else [None] * len(names)
        self.weights = [1.0 if w is None else float(w) for w in weights]
        self.trackers = [LossMean(name=f"{n}_loss") for n, f in zip(names, functions, strict=True) if f is not None] \
            if sum(f is not None for f in functions) > 1 else []

    def __call__(self, y, y_pred, sample_weight):
        predictions = flatten(y_pred)
        targets = _matched("y", y, len(predictions))
        weights = _matched("sample_weight", sample_weight, len(predictions))
        total, trackers = None, iter(self.trackers)
        for f, w, t, p, s in zip(self.functions, self.weights, targets, predictions, weights, strict=True):
            if f is None:
                continue
            if t is None:
                raise ValueError("argument 'y' is missing: the loss compares the outputs with it")
            value = losses_module.as_loss(f, (t.shape, p.shape))(t, p, s)
            if self.trackers:
                next(trackers).update_state(value, len(p))
            value = value if w == 1.0 else value * w
            total = value if total is None else total + value
        return total


class Metrics:
    """Per output, the metrics made from their names once the shapes are known."""

    def __init__(self, metrics, weighted, names, output_names):
        self.plain = _lists("metrics", metrics, names)
        self.weighted = _lists("weighted_metrics", weighted, names)
        self.prefixes = [f"{n}_" for n in output_names] if len(output_names) > 1 else [""]
        self.made = None

    def build(self, targets, predictions):
        made = []
        for i, (prefix, plain, weighted, t, p) in enumerate(zip(self.prefixes, self.plain, self.weighted, targets,
                                                                predictions, strict=True)):
            for is_weighted, wanted in ((False, plain), (True, weighted)):
                for m in wanted:
                    metric = metrics_module.as_metric(m, (t.shape, p.shape))
                    taken = {name for _, name, *_ in made}
                    again = is_weighted and prefix + metric.name in taken
                    name = f"{prefix}{'weighted_' * again}{metric.name}"
                    made.append((i, name if name not in taken else f"{name}_{len(taken)}", metric, is_weighted))
        self.made = made

    def update(self, y, y_pred, sample_weight):
        predictions = flatten(y_pred)
        targets = _matched("y", y, len(predictions))
        weights = _matched("sample_weight", sample_weight, len(predictions))
        if self.made is None:
            self.build(targets, predictions)
        for i, _, metric, weighted in self.made:
            try:
                metric.update_state(targets[i], predictions[i], weights[i] if weighted else None)
            except ValueError as error:
                raise ValueError(f"metric '{metric.name}' of labels {targets[i].shape} and outputs "
                                 f"{predictions[i].shape}: {error}. Fix: a metric (or labels) of that form") from None

    named: list = property(lambda self: [(name, metric) for _, name, metric, _ in self.made or ()])


def _per_output(what: str, value, names) -> list:
    """One entry for each output, from a single value, a list, or a dictionary by output name."""
    if isinstance(value, dict):
        unknown = [k for k in value if k not in names]
        if unknown:
            raise ValueError(f"compile: {what} has the keys {unknown}, but the outputs are named {names}")
        return [value.get(n) for n in names]
    if isinstance(value, list | tuple):
        if len(value) != len(names):
            raise ValueError(f"compile: {what} has {len(value)} entries, but the model has {len(names)} outputs "
                             f"({', '.join(names)})")
        return list(value)
    return [value] * len(names)


def _lists(what: str, value, names) -> list[list]:
    """A list of metrics for each output; for a single output a flat list is meant for it."""
    if value is None:
        return [[] for _ in names]
    if len(names) == 1 and isinstance(value, list | tuple) and not any(isinstance(v, list | tuple) for v in value):
        return [list(value)]
    entries = _per_output(what, value, names)
    return [[] if e is None else list(e) if isinstance(e, list | tuple) else [e] for e in entries]


def _matched(what: str, value, count: int) -> list:
    """Targets or weights for each output; one sample weight serves all."""
    values = [None] * count if value is None else flatten(value)
    if what == "sample_weight" and len(values) == 1:
        return values * count
    if len(values) != count:
        raise ValueError(f"fit: the model has {count} outputs, but {what} has {len(values)} arrays")
    return values
