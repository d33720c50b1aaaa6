"""PyTorch's rounds: eager steps without any data loader, fused Adam; images in the faster of its two layouts."""
import math

import torch
from torch import nn
from torch.nn import functional as F

from . import DEVICE, by_epoch, timed, training

# as JAX and gpunn multiply on a GPU
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
ACTIVATIONS = {"linear": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU}


class Same(nn.Module):
    """Pads as much as `padding="same"` does for this stride."""

    def __init__(self, size, stride, dilation=1):
        super().__init__()
        self.size, self.stride, self.dilation = size, stride, dilation

    def forward(self, x):
        pads = []
        for n in x.shape[:1:-1]:
            total = max(0, (math.ceil(n / self.stride) - 1) * self.stride + (self.size - 1) * self.dilation + 1 - n)
            pads += [total // 2, total - total // 2]
        return F.pad(x, pads) if any(pads) else x


class Sum(nn.Module):
    def __init__(self, branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return sum(branch(x) for branch in self.branches)


class Recurrent(nn.Module):
    """The last output."""

    def __init__(self, kind, inputs, units):
        super().__init__()
        self.cells = kind(inputs, units, batch_first=True)

    def forward(self, x):
        return self.cells(x)[0][:, -1]


class Attention(nn.Module):
    def __init__(self, heads, width):
        super().__init__()
        self.heads, self.project, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        n, t, width = x.shape
        q, k, v = self.project(x).view(n, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(n, t, width))


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(tuple(range(2, x.ndim)))


def conv(shape, filters, size, stride, padding, activation, dilation, groups):
    make = nn.Conv1d if len(shape) == 3 else nn.Conv2d
    module = make(shape[1], filters, size, stride, dilation=dilation, groups=groups)
    same = [Same(size, stride, dilation)] if padding == "same" else []
    if same and stride == 1:
        module.padding, same = (dilation * (size - 1) // 2,) * (len(shape) - 2), []
        module._reversed_padding_repeated_twice = [p for p in reversed(module.padding) for _ in range(2)]
    return nn.Sequential(*same, module, ACTIVATIONS[activation]())


def transposed(shape, filters, size, stride):
    make = nn.ConvTranspose2d(shape[1], filters, size, stride, padding=(size - stride + 1) // 2,
                              output_padding=(size - stride) % 2)
    return nn.Sequential(make, nn.ReLU())


MODULES = {
    "dense": lambda s, units, activation: nn.Sequential(nn.Linear(s[-1], units), ACTIVATIONS[activation]()),
    "conv": conv,
    "depthwise": lambda s, size: nn.Sequential(nn.Conv2d(s[1], s[1], size, padding=size // 2, groups=s[1]), nn.ReLU()),
    "transposed": transposed,
    "pool": lambda s: nn.MaxPool2d(2),
    "flatten": lambda s: nn.Flatten(),
    "mean": lambda s: Mean(),
    "norm": lambda s: (nn.BatchNorm1d if len(s) == 3 else nn.BatchNorm2d)(s[1], eps=1e-3, momentum=0.01),
    "relu": lambda s: nn.ReLU(),
    "sum": lambda s, branches: Sum([chain(torch.zeros(s), branch)[0] for branch in branches]),
    "lstm": lambda s, units: Recurrent(nn.LSTM, s[2], units),
    "gru": lambda s, units: Recurrent(nn.GRU, s[2], units),
    "embedding": lambda s, tokens, width: nn.Embedding(tokens, width),
    "layer_norm": lambda s: nn.LayerNorm(s[-1], eps=1e-3),
    "attention": lambda s, heads, width: Attention(heads, width),
}


def chain(x, layers):
    """-> (module, its output for an example)"""
    modules = []
    for kind, options in layers:
        modules.append(MODULES[kind](x.shape, **options))
        x = modules[-1](x)
    return nn.Sequential(*modules), x


class Training:
    """A model on the device with its optimizer, and its data in batches laid out beforehand."""

    def __init__(self, work, x, y, layout):
        module, _ = chain(x[:2], work.layers)
        self.work, self.module = work, module.train().to(DEVICE, memory_format=layout)
        self.x, self.y = x.to(DEVICE).contiguous(memory_format=layout), y.to(DEVICE)
        # what a graph captures must find its count of steps on the device
        self.optimizer = torch.optim.Adam(module.parameters(), fused=True, capturable=DEVICE == "cuda")
        self.batches = list(zip(self.x.split(work.batch), self.y.split(work.batch)))

    def loss(self, x, y):
        few = self.work.policy == "mixed_bfloat16"
        with torch.autocast(DEVICE, torch.bfloat16, few, cache_enabled=False):      # a graph could not hold the cache
            out = self.module(x)
        out = out.float()
        if self.work.classes is None:
            return F.mse_loss(out, y)
        return F.cross_entropy(out.flatten(0, -2), y.flatten()) if self.work.per_place else F.cross_entropy(out, y)


def eager(training):
    """-> a function for one epoch"""
    def run():
        for x, y in training.batches:
            training.optimizer.zero_grad()
            training.loss(x, y).backward()
            training.optimizer.step()
    return run


def epoch(work, x, y, run=eager, layouts=None):
    """-> a function that trains over all of x once; the fastest of the layouts"""
    images, sequences = len(work.shape) == 3, work.layers[0][0] in ("lstm", "gru")
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    x = x.movedim(-1, 1).contiguous() if x.ndim > 2 and not sequences else x
    y = y if work.classes is None else y.long()
    layouts = (layouts or (torch.contiguous_format, torch.channels_last)) if images else (torch.contiguous_format,)
    runs = [finished(run(Training(work, x, y, layout))) for layout in layouts]
    for each in runs:
        each()
    return min(runs, key=lambda each: min(timed(each) for _ in range(3))) if len(runs) > 1 else runs[0]


def finished(run):
    """It has run when it returns."""
    def wait():
        run()
        if DEVICE == "cuda":
            torch.cuda.synchronize()
    return wait


if __name__ == "__main__":
    training(by_epoch(epoch))
