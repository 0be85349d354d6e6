"""``assay.seed``: seeding, and the note of it with the runs of this process."""

from __future__ import annotations

from assay.context.seeds import Seeds, seed_tags, set_seeds
from assay.entities.operations import SetTags
from assay.fluent.active import here


def seed(value: int, *, deterministic: bool = True) -> Seeds:
    """Seed Python's ``random``, NumPy, PyTorch, TensorFlow and JAX, and record it.

    Call it after the imports: libraries that aren't imported yet are left alone. Generators that
    the program makes itself (``numpy.random.default_rng(7)``, ``random_state=7``) have seeds of
    their own. The active run gets the tags ``assay.seed.*``, and so do runs that start later.

    Args:
        value: from 0 to 4294967295.
        deterministic: make PyTorch, cuDNN, cuBLAS and TensorFlow take the same path each time,
            which may be slower. Where an operation of PyTorch has no such form, it warns.

    Returns:
        What was seeded; its ``jax_key()`` is the key to begin with in JAX.

    Raises:
        InvalidInput: ``value`` is no such number.
    """
    done = set_seeds(value, deterministic=deterministic)
    if here.top is not None:
        here.top.recorder.append(SetTags(here.top.run_id, seed_tags()))
    return done
