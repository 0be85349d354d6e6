"""``validate``: whether data fit a signature, without using them."""

from __future__ import annotations

from typing import Any

from assay.errors import InvalidInput
from assay.models.signatures.enforce import enforce
from assay.models.signatures.schema import Schema, Signature

__all__ = ["validate"]


def validate(data: Any, schema: Schema | Signature) -> None:
    """Check data against the schema, or against the inputs of a signature.

    Data pass that ``predict`` would take: those that fit, and those that cast without loss.

    Raises:
        SignatureMismatch: naming each column or tensor that is missing or doesn't fit.
        InvalidInput: the data are of no kind that can fit, or the signature has no inputs.
    """
    inputs = schema.inputs if isinstance(schema, Signature) else schema
    if inputs is None:
        raise InvalidInput("The signature says nothing of inputs, so there is nothing to check.")
    enforce(data, inputs)
