"""Optimizers on flat buffers, in place. `hyper` is on the device: a replay sees today's learning rate."""
import math

import numpy as np

from .launch import blocks, launch


def sgd(p, g, m, hyper, momentum=0.0, nesterov=False):
    slow = m is not None
    launch("optimize", "sgd", blocks(p.size),
           (p, g, m if slow else p, hyper, float(momentum), slow, nesterov, np.int64(p.size)), T=p.dtype)


def rmsprop(p, g, v, m, mg, hyper, rho, momentum, epsilon):
    slow, centered = m is not None, mg is not None
    launch("optimize", "rmsprop", blocks(p.size),
           (p, g, v, m if slow else p, mg if centered else p, hyper, float(rho), 1.0 - rho, float(momentum),
            float(epsilon), slow, centered, np.int64(p.size)), T=p.dtype)


def adam(p, g, m, v, vhat, hyper, beta_1, beta_2, epsilon):
    largest = vhat is not None
    logs = [math.log(beta) if beta > 0 else -math.inf for beta in (beta_1, beta_2)]
    args = p, g, m, v, vhat if largest else p, hyper, *logs, 1.0 - beta_1, 1.0 - beta_2, float(epsilon), largest
    launch("optimize", "adam", blocks(p.size), (*args, np.int64(p.size)), T=p.dtype)
