"""Seeds: one number for every generator of random numbers that this process has loaded.

Only libraries that are imported already are seeded: importing one for it would cost seconds, and a
hook that seeds at the time of import would do so at a place that nobody sees. What was seeded is
remembered, for the runs of this process to tell.
"""

from __future__ import annotations

import logging
import os
import random
import sys
from collections.abc import Callable
from typing import Any, Final

import msgspec

from assay.entities import tags
from assay.errors import InvalidInput

MAX_SEED: Final = 2**32 - 1
"""NumPy's legacy generator and PYTHONHASHSEED take no larger ones."""
DETERMINISTIC: Final = "deterministic"
_log = logging.getLogger(__name__)


class Seeds(msgspec.Struct, frozen=True):
    """What ``assay.seed`` did."""

    value: int
    libraries: tuple[str, ...]
    """What was seeded: ``python``, ``numpy``, ``torch``, ``tensorflow``, ``jax``."""
    deterministic: bool

    def jax_key(self) -> Any:
        """JAX's key of this seed: JAX keeps no generator of its own, so its functions take one.

        Raises:
            InvalidInput: JAX wasn't imported when the seed was set.
        """
        jax = sys.modules.get("jax")
        if jax is None or "jax" not in self.libraries:
            raise InvalidInput("JAX wasn't there when assay.seed was called: import jax first.")
        return jax.random.key(self.value)


_seeded: dict[str, str] = {}


def seed_tags() -> dict[str, str]:
    """Tags of what was seeded in this process so far; empty if nothing was."""
    return {tags.SEED_PREFIX + name: value for name, value in _seeded.items()}


def set_seeds(value: int, *, deterministic: bool) -> Seeds:
    """Seed all libraries that are loaded, and with ``deterministic`` tell them to take the same
    path each time.

    Raises:
        InvalidInput: ``value`` is no whole number from 0 to 4294967295.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEED:
        raise InvalidInput(
            f"A seed is a whole number from 0 to {MAX_SEED}, not {value!r}: NumPy takes no other."
        )
    # For processes that are started from here: this one's hashes were salted when it began.
    os.environ["PYTHONHASHSEED"] = str(value)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
    random.seed(value)
    done = ["python"]
    for name, seed in _LIBRARIES.items():
        module = sys.modules.get(name)
        # A module that is just being imported by another thread has not all its names yet.
        if module is not None:
            seed(module, value, deterministic)
            done.append(name)
    _seeded.clear()
    _seeded.update(dict.fromkeys(done, str(value)))
    _seeded[DETERMINISTIC] = "true" if deterministic else "false"
    return Seeds(value, tuple(done), deterministic)


def _numpy(numpy: Any, value: int, _deterministic: bool) -> None:
    numpy.random.seed(value)


def _torch(torch: Any, value: int, deterministic: bool) -> None:
    # All devices: CPU, CUDA (now or when it is initialised), MPS, XPU.
    torch.manual_seed(value)
    if deterministic:
        # An operation without such a form warns, where an error would end a program that only
        # wants to be as repeatable as it can.
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True


def _tensorflow(tensorflow: Any, value: int, deterministic: bool) -> None:
    tensorflow.random.set_seed(value)
    if deterministic:
        try:
            tensorflow.config.experimental.enable_op_determinism()
        except RuntimeError as error:
            _log.warning("TensorFlow's operations can't be made deterministic now: %s", error)


def _jax(_jax: Any, _value: int, _deterministic: bool) -> None:
    """Nothing to seed: the key that ``Seeds.jax_key`` gives is the seed."""


_LIBRARIES: Final[dict[str, Callable[[Any, int, bool], None]]] = {
    "numpy": _numpy,
    "torch": _torch,
    "tensorflow": _tensorflow,
    "jax": _jax,
}
