"""Options of flavors: what a flavor has no use for is refused, so that a typing error is seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.errors import InvalidInput
from assay.flavors.base import Flavor


def refuse(flavor: Flavor, options: Mapping[str, Any]) -> None:
    """Accept no more options.

    Raises:
        InvalidInput: there are some; the first is named.
    """
    if options:
        raise InvalidInput(f"{flavor.title} models have no option {min(options)!r}.")
