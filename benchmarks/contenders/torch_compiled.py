"""PyTorch's rounds by torch.compile: forward, loss and backward compiled and replayed as CUDA graphs, fused Adam."""
from functools import partial

from . import by_epoch, training
from .torch_eager import epoch, torch


def compiled(training):
    loss = torch.compile(training.loss, mode="reduce-overhead", dynamic=False)

    def run():
        for x, y in training.batches:
            torch.compiler.cudagraph_mark_step_begin()
            training.optimizer.zero_grad()
            loss(x, y).backward()
            training.optimizer.step()
    return run


if __name__ == "__main__":
    # the compiler chooses the layout of what lies between
    training(by_epoch(partial(epoch, run=compiled, layouts=(torch.channels_last,))))
