"""Variables: what of the process's environment decides over results.

Only names of a list are looked at, since an environment is full of secrets. ``ASSAY_CAPTURE_ENV``
adds names; values that look like secrets are masked all the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from assay.context.source import MASK, is_sensitive, mask_text
from assay.entities import tags
from assay.errors import InvalidInput

THREADS: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""How many threads libraries use: sums in another order end in other digits."""
VARIABLES: Final = (
    "PYTHONHASHSEED",
    "PYTHONOPTIMIZE",
    "CUDA_VISIBLE_DEVICES",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_LAUNCH_BLOCKING",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "PYTORCH_ENABLE_MPS_FALLBACK",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "XLA_FLAGS",
    "JAX_PLATFORMS",
    "JAX_ENABLE_X64",
    "JAX_DEFAULT_MATMUL_PRECISION",
    "MKL_CBWR",
    "OPENBLAS_CORETYPE",
    "OMP_SCHEDULE",
    "OMP_DYNAMIC",
    "LC_ALL",
    "LANG",
    "TZ",
)
"""Switches of Python, of numeric libraries and of the locale."""
MORE: Final = "ASSAY_CAPTURE_ENV"
_MAX_VALUE: Final = 1_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}\Z")


def variable_tags(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Tags of the variables that are set, thread counts among them.

    Raises:
        InvalidInput: ``ASSAY_CAPTURE_ENV`` has a word that is no name of a variable.
    """
    given = os.environ if environ is None else environ
    facts = {
        tags.THREADS_PREFIX + name: given[name][:_MAX_VALUE] for name in THREADS if name in given
    }
    for name in (*VARIABLES, *_more(given.get(MORE, ""))):
        if name in given:
            value = MASK if is_sensitive(name) else mask_text(given[name])
            facts[tags.ENVIRONMENT_PREFIX + name] = value[:_MAX_VALUE]
    return facts


def _more(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not _NAME.match(name):
            raise InvalidInput(
                f"{MORE} has {name[:80]!r}, which is no name of a variable: give names with commas"
                " between them, such as HF_HOME,DATA_VERSION."
            )
    return names
