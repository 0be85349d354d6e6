"""Traffic rules: which share of the requests for a model goes to which of its versions, which
versions are only watched, and what ends a trial by itself.

A rule is kept with the registered model, as the JSON text of its tag ``assay.traffic``, so that
whoever serves the model reads it where the model is, and the audit log has every change of it.
Format: docs/formats/traffic.md.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from assay.errors import InvalidInput

TAG: Final = "assay.traffic"
VERSION: Final = 1
_MAX_TEXT: Final = 5_000
_MAX_ENTRIES: Final = 16

Percent = Annotated[float, msgspec.Meta(gt=0, le=100)]
Fraction = Annotated[float, msgspec.Meta(gt=0, le=1)]
Selector = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
"""``@alias``, a stage, or the number of a version."""
Header = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Abort(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a canary or shadow is taken out again. Each is held against the version that answers the
    rest of the requests, over the same time.
    """

    errors: Fraction | None = 0.05
    """Its share of failed predictions is larger than the other's by more than this."""
    slower: Annotated[float, msgspec.Meta(gt=1)] | None = 3.0
    """Its 95th percentile of seconds is more than so many times the other's."""
    shift: Fraction | None = None
    """The distributions of the predictions differ by more than this: total variation for classes,
    Kolmogorov-Smirnov's statistic for numbers."""
    after: Annotated[int, msgspec.Meta(ge=1)] = 100
    """Predictions that each must have made before it is judged."""


class TrafficRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the tag says. Requests that no canary gets are the served version's."""

    canaries: dict[Selector, Percent] = msgspec.field(default_factory=dict)
    """Percent of the requests, by the selector of the version that answers them."""
    shadows: dict[Selector, Percent] = msgspec.field(default_factory=dict)
    """Percent of the requests that the version is asked too, without answering."""
    sticky: Header | None = None
    """Header whose value decides who answers, the same for the same value."""
    abort: Abort = Abort()
    version: int = VERSION

    def without(self, selector: str) -> TrafficRule:
        """The rule without a canary or shadow."""
        return msgspec.structs.replace(
            self,
            canaries={key: one for key, one in self.canaries.items() if key != selector},
            shadows={key: one for key, one in self.shadows.items() if key != selector},
        )

    @property
    def is_empty(self) -> bool:
        """Whether the served version gets everything."""
        return not self.canaries and not self.shadows

    def text(self) -> str:
        """The tag's value."""
        return msgspec.json.encode(self).decode()


def parse_traffic(text: str) -> TrafficRule:
    """The rule that a tag's value says.

    Raises:
        InvalidInput: naming what isn't accepted.
    """
    if len(text) > _MAX_TEXT:
        raise InvalidInput(f"The traffic rule is longer than {_MAX_TEXT} characters.")
    try:
        rule = msgspec.json.decode(text, type=TrafficRule)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidInput(f"The tag {TAG} is no traffic rule: {error}.") from None
    return check_traffic(rule)


def check_traffic(rule: TrafficRule) -> TrafficRule:
    """The rule, if its parts go together.

    Raises:
        InvalidInput: naming what doesn't.
    """
    if rule.version != VERSION:
        raise InvalidInput(f"The traffic rule is of version {rule.version}; {VERSION} is known.")
    if len(rule.canaries) + len(rule.shadows) > _MAX_ENTRIES:
        raise InvalidInput(f"A traffic rule has at most {_MAX_ENTRIES} canaries and shadows.")
    whole = sum(rule.canaries.values())
    if whole > 100:
        raise InvalidInput(f"The canaries get {whole:g} % of the requests, more than all.")
    both = sorted(set(rule.canaries) & set(rule.shadows))
    if both:
        raise InvalidInput(f"{both[0]!r} is a canary and a shadow: it can be one of them.")
    return rule
