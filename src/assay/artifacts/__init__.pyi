"""The names that ``__init__.py`` looks up on first use, for type checkers."""

from assay.fluent.artifacts import download_artifacts as download_artifacts
from assay.fluent.artifacts import list_artifacts as list_artifacts
from assay.fluent.artifacts import load_dict as load_dict
from assay.fluent.artifacts import load_image as load_image
from assay.fluent.artifacts import load_text as load_text
