"""PyTorch's rounds by hand: one captured CUDA graph of a whole step, which takes the next batch by itself."""
from functools import partial

from . import DEVICE, by_epoch, training
from .torch_eager import epoch, torch

WARMUP = 3                      # steps, on a stream of their own, before the capture


def step_of(training):
    """One step on the batch that a number on the device points to."""
    place, count = torch.zeros(1, dtype=torch.long, device=DEVICE), len(training.batches)
    batch = training.work.batch
    lines = torch.arange(batch, device=DEVICE)
    # images that lie channels last are gathered as they lie
    turned = training.x.ndim == 4 and training.x.is_contiguous(memory_format=torch.channels_last)
    stored = training.x.movedim(1, -1) if turned else training.x

    def step():
        rows = lines + place * batch
        x, y = stored.index_select(0, rows), training.y.index_select(0, rows)
        training.loss(x.movedim(-1, 1) if turned else x, y).backward()
        training.optimizer.step()
        place.add_(1).remainder_(count)
    return step


def captured(step, forget_gradients):
    """What replays it. Gradients are born inside the graph, and so are written, not added to."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARMUP):
            forget_gradients()
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    forget_gradients()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def replayed(training):
    step, forget_gradients = step_of(training), training.optimizer.zero_grad

    def eager():
        forget_gradients()
        step()
    replay = captured(step, forget_gradients) if DEVICE == "cuda" else eager

    def run():
        for _ in training.batches:
            replay()
    return run


if __name__ == "__main__":
    training(by_epoch(partial(epoch, run=replayed)))
