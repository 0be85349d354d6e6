"""Traffic: which version answers a request, and which others are asked beside it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from itertools import accumulate
from typing import Final

from assay.serving.lane import Lane
from assay.serving.process.plan import Route

_WHOLE: Final = 100.0


class Traffic:
    """The versions of one route, by their shares."""

    def __init__(self, route: Route, lanes: Mapping[str, Lane]) -> None:
        self.route = route
        rest = _WHOLE - sum(share.weight for share in route.canaries)
        weights = [(route.main, rest), *((one.key, one.weight) for one in route.canaries)]
        self.weights = weights
        """Percent by key; the main version first."""
        self._lanes = [lanes[key] for key, _ in weights]
        self._bounds = list(accumulate(weight for _, weight in weights))
        self._shadows = [(lanes[one.key], one.weight / 100) for one in route.shadows]
        self._sticky = None if route.sticky is None else route.sticky.lower().encode()

    @property
    def lanes(self) -> list[Lane]:
        """All that may answer, the main version first."""
        return self._lanes

    def choose(self, headers: Mapping[bytes, bytes]) -> Lane:
        """Who answers a request with these headers."""
        if len(self._lanes) == 1:
            return self._lanes[0]
        at = self._place(headers) * self._bounds[-1]
        for lane, bound in zip(self._lanes, self._bounds, strict=True):
            if at < bound:
                return lane
        return self._lanes[-1]

    def shadows(self) -> list[Lane]:
        """Who is asked too, this time."""
        return [lane for lane, share in self._shadows if random.random() < share]  # noqa: S311

    def _place(self, headers: Mapping[bytes, bytes]) -> float:
        """In [0, 1): the same for the same value of the sticky header, on every worker."""
        value = None if self._sticky is None else headers.get(self._sticky)
        if value is None:
            return random.random()  # noqa: S311 - shares, not secrets
        digest = hashlib.blake2b(value, digest_size=8, key=self.route.name.encode()[:64]).digest()
        return int.from_bytes(digest, "big") / 2**64
