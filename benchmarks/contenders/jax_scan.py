"""JAX's rounds: a whole epoch is one jitted program, a scan over its batches on the device."""
from . import by_epoch, training
from .jax_jit import built, jax, jnp, lax


def epoch(work, x, y):
    step, state = built(work)
    batches = tuple(jnp.asarray(a).reshape(-1, work.batch, *a.shape[1:]) for a in (x, y))

    def steps(state, batches):
        return lax.scan(lambda state, batch: (step(*state, *batch), None), tuple(state), batches)[0]
    program = jax.jit(steps, donate_argnums=0)

    def run():
        state[:] = program(tuple(state), batches)
        jax.block_until_ready(state)
    return run


if __name__ == "__main__":
    training(by_epoch(epoch))
