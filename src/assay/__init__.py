"""Assay: track experiments, keep models, approve and serve them."""

from assay.version import __version__ as __version__
