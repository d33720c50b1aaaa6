"""PyTorch's rounds: plain eager steps, fused Adam."""
import torch

from . import TINY_STEPS, serve, timed, tiny_data


def tiny():
    """Seconds of a step without any data loader: 2-8-8-1, tanh, Adam, batch 32."""
    x, y = map(torch.from_numpy, tiny_data())
    model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 8), torch.nn.Tanh(),
                                torch.nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def steps():
        for _ in range(TINY_STEPS):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()
    steps()
    return lambda: {"seconds": timed(steps) / TINY_STEPS}


if __name__ == "__main__":
    serve({"tiny": tiny})
