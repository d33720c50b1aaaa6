"""Scripted epochs for callbacks: the same logs for Keras and for gpunn, and what each did with them."""
import itertools
import random

EPOCHS = 14


def sequence(seed: int) -> list[float]:
    """Numbers with three digits that fall and stall."""
    r = random.Random(seed)
    return [round(2 / (1 + 0.4 * i * r.random()) + 0.2 * r.random(), 3) for i in range(EPOCHS)]


class Scripted:
    """Stands for a model: its weights are the number of the epoch."""
    metrics = ()

    def __init__(self, optimizer):
        self.optimizer, self.stop_training, self.epoch, self.saved = optimizer, False, None, []

    def get_weights(self):
        return self.epoch

    def set_weights(self, weights):
        self.epoch = weights

    def save_weights(self, path, overwrite=True):
        self.saved.append(path)

    save = save_weights


def played(callback, optimizer, logs_of) -> Scripted:
    """All hooks of a training whose epoch number i has the logs `logs_of(i)`."""
    model = Scripted(optimizer)
    callback.set_model(model)
    callback.set_params({"epochs": EPOCHS})
    callback.on_train_begin()
    for epoch in range(EPOCHS):
        model.epoch = epoch
        callback.on_epoch_begin(epoch)
        for batch in range(3):
            callback.on_train_batch_end(batch, logs_of(epoch))
        callback.on_epoch_end(epoch, logs_of(epoch))
        if model.stop_training:
            break
    model.ended = epoch
    callback.on_train_end()
    return model


def stopping(lib) -> list:
    options = itertools.product((0, 2), (0, 0.1), (None, 1.2), (False, True), (0, 3), ("min", "max"))
    found = []
    for seed, (patience, delta, baseline, restore, start, mode) in enumerate(options):
        stop = lib.callbacks.EarlyStopping("val_loss", delta, patience, 0, mode, baseline, restore, start)
        values = sequence(seed)
        model = played(stop, None, lambda i, v=values: {"val_loss": v[i]})
        found.append([model.ended, model.epoch, stop.wait, stop.stopped_epoch, stop.best])
    return found


def plateaus(lib) -> list:
    options = itertools.product((0.5, 0.1), (1, 3), (1e-4, 0.1), (0, 2), (0.0, 0.004), ("min", "max"))
    found = []
    for seed, (factor, patience, delta, cooldown, least, mode) in enumerate(options):
        reduce = lib.callbacks.ReduceLROnPlateau("val_loss", factor, patience, 0, mode, delta, cooldown, least)
        optimizer, rates, values = lib.optimizers.SGD(0.01), [], sequence(seed)

        def logs(i, values=values, rates=rates, optimizer=optimizer):
            rates.append(float(optimizer.learning_rate))
            return {"val_loss": values[i]}
        played(reduce, optimizer, logs)
        found.append(rates[::4])
    return found


def saves(lib, folder) -> list:
    options = itertools.product((False, True), ("epoch", 5), ("min", "max"), (None, 1.1))
    found = []
    for seed, (best, freq, mode, threshold) in enumerate(options):
        values = sequence(seed)
        save = lib.callbacks.ModelCheckpoint(
            f"{folder}/{{epoch:02d}}-{{loss:.2f}}{'' if freq == 'epoch' else '-{batch}'}.weights.h5", "loss", 0,
            best, True, mode, freq, threshold)
        if hasattr(save, "_set_monitor_op"):            # Keras finds the direction only at the end of an epoch
            save._set_monitor_op()
        model = played(save, None, lambda i, v=values: {"loss": v[i]})
        found.append([path.removeprefix(f"{folder}/") for path in model.saved])
    return found


def tables(lib, folder) -> list:
    found = []
    for append, separator, validation in ((False, ",", True), (True, ";", False)):
        path = f"{folder}/log.csv"
        for again in range(2):
            def logs(i, again=again, validation=validation):
                late = {"val_loss": 0.1 * i} if validation and i % 2 == 0 else {}
                return {"loss": sequence(again)[i], "accuracy": i / 7, **late, "rates": [i, 0.5]}
            played(lib.callbacks.CSVLogger(path, separator, append), None, logs)
        with open(path, newline="") as file:
            found.append(file.read())
    return found


def schedules(lib) -> list:
    optimizer, rates = lib.optimizers.SGD(0.3), []
    for schedule in (lambda epoch, rate: rate * 0.7, lambda epoch: 1 / (2 + epoch)):
        scheduler = lib.callbacks.LearningRateScheduler(schedule)
        played(scheduler, optimizer, lambda i: {"rate": rates.append(float(optimizer.learning_rate))})
    return rates[::4]


def runs(lib, folder) -> dict:
    return {"stopping": stopping(lib), "plateaus": plateaus(lib), "saves": saves(lib, folder),
            "tables": tables(lib, folder), "schedules": schedules(lib)}
