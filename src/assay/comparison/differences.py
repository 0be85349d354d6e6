"""Differences: what differs between two runs, the likeliest cause of another result first.

The first run is the baseline, as on the compare page of the UI, whose sentences these are. What is
equal by meaning (``1e-3`` and ``0.001``) is left out, and so is what only one of the runs captured:
it may have been the same in the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from assay.comparison import weights
from assay.comparison.facts import CodeFacts, DataFacts, RunFacts
from assay.comparison.meaning import meaning
from assay.comparison.packages import bump_of, role_of
from assay.comparison.patches import changed_files
from assay.comparison.weights import DIMENSIONS, Dimension
from assay.context.seeds import DETERMINISTIC

_SHORT: Final = 90
"""Characters of a value, or a name, in a sentence."""
_MOST_FILES: Final = 5
"""Changed files that a sentence names."""
_UNSET: Final = frozenset({"", "none", "null", "-1"})
"""Values of a param for a seed that mean: none."""
_HARDWARE_NAMES: Final = {"gpu": "GPU", "cpu": "processor"}


class Difference(msgspec.Struct, frozen=True):
    """One thing that differs."""

    dimension: Dimension
    name: str
    before: str | None
    """Of the baseline; ``None``: it hasn't got it."""
    after: str | None
    weight: float
    """How likely it is to have made another result, 0 to 1; for ranking only."""
    sentence: str


def differences(a: RunFacts, b: RunFacts) -> list[Difference]:
    """What tells run ``b`` from run ``a``, ranked: the likeliest cause first.

    The order is that of ``assay.comparison.weights``; equally likely ones stand by name.
    """
    found = [
        *_code(a.code, b.code),
        *_command(a, b),
        *_of_data(a.data, b.data),
        *_parameters(a.parameters, b.parameters),
        *_seeds(a.seeds, b.seeds),
        *_packages(a, b),
        *_python(a.python, b.python),
        *_variables("threads", a.threads, b.threads, weight=lambda _: weights.THREADS),
        *_variables("environment", a.environment, b.environment, weight=weights.of_variable),
        *_hardware(a.hardware, b.hardware),
    ]
    return sorted(found, key=lambda one: (-one.weight, DIMENSIONS.index(one.dimension), one.name))


def sentence(name: str, before: str | None, after: str | None) -> str:
    """What changed, in the words of the compare page."""
    what = quoted(name)
    if after is None:
        return f"{what} is missing; the baseline has {quoted(before)}"
    if before is None:
        return f"{what} is {quoted(after)}, which the baseline lacks"
    return f"{what} is {quoted(after)} instead of {quoted(before)}"


def quoted(value: str | None) -> str:
    """A value on one line, its middle left out where it is long."""
    text = " ".join((value or "").split())
    if len(text) > _SHORT:
        text = f"{text[: _SHORT - 30]}…{text[-20:]}"
    return text or "“”"


def _variables(
    dimension: Dimension,
    a: dict[str, str] | None,
    b: dict[str, str] | None,
    *,
    weight: Callable[[str], float],
) -> Iterator[Difference]:
    if a is None or b is None:
        return
    for name in sorted(a.keys() | b.keys()):
        before, after = a.get(name), b.get(name)
        if meaning(before) != meaning(after):
            told = sentence(name, before, after)
            yield Difference(dimension, name, before, after, weight(name), told)


def _code(a: CodeFacts, b: CodeFacts) -> Iterator[Difference]:
    if a.commit and b.commit and a.commit != b.commit:
        now, then = quoted(b.commit[:10]), quoted(a.commit[:10])
        told = f"the code is at commit {now} instead of {then}"
        yield Difference("code", "commit", a.commit, b.commit, weights.COMMIT, told)
    if a.commit and b.commit:
        yield from _uncommitted(a.patch, b.patch)
    for name, before, after, weight in (
        ("entry point", a.entry_point, b.entry_point, weights.ENTRY_POINT),
        ("program", a.program, b.program, weights.PROGRAM),
    ):
        if before and after and before != after:
            yield Difference("code", name, before, after, weight, sentence(name, before, after))
    if a.commit and b.commit and a.directory != b.directory:
        before, after = a.directory or ".", b.directory or "."
        told = f"the program ran in {quoted(after)} instead of {quoted(before)}"
        yield Difference("code", "directory", before, after, weights.DIRECTORY, told)


def _command(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    one, other = a.code.command, b.code.command
    if not one or not other or one == other:
        return
    if len(one) == len(other):
        # Options that are params as well are told as such.
        logged = {
            (meaning(before), meaning(b.parameters.get(name)))
            for name, before in a.parameters.items()
        }
        changed = [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
        if all((_value(before), _value(after)) in logged for before, after in changed):
            return
    before, after = " ".join(one), " ".join(other)
    told = sentence("the command", before, after)
    yield Difference("code", "command", before, after, weights.COMMAND, told)


def _value(word: str) -> str:
    """What ``0.1`` and ``--lr=0.1`` give an option."""
    option, equals, value = word.partition("=")
    return meaning(value if equals and option.startswith("-") else word)


def _uncommitted(a: bytes | None, b: bytes | None) -> Iterator[Difference]:
    if a == b:
        return
    if a is None or b is None:
        told = "there are uncommitted changes, which weren't kept"
        whose = "in the baseline " if a is None else ""
        before, after = _extent(a), _extent(b)
        sentence_ = f"{whose}{told}"
        yield Difference("code", "changes", before, after, weights.PATCH, sentence_)
        return
    files = changed_files(a, b)
    if not files:
        return
    named = ", ".join(quoted(path) for path in files[:_MOST_FILES])
    more = f" and {len(files) - _MOST_FILES} more" if len(files) > _MOST_FILES else ""
    told = f"uncommitted changes differ in {named}{more}"
    yield Difference("code", "changes", _extent(a), _extent(b), weights.PATCH, told)


def _extent(patch: bytes | None) -> str | None:
    if patch is None:
        return "not kept"
    if not patch:
        return None
    lines = patch.splitlines()
    added = sum(line.startswith(b"+") and not line.startswith(b"+++") for line in lines)
    gone = sum(line.startswith(b"-") and not line.startswith(b"---") for line in lines)
    return f"+{added} -{gone} lines"


def _of_data(a: list[DataFacts], b: list[DataFacts]) -> Iterator[Difference]:
    if not a or not b:
        return
    one, other = _named(a), _named(b)
    for name in sorted(one.keys() | other.keys()):
        before, after = one.get(name), other.get(name)
        if before == after:
            continue
        if before is None or after is None:
            told = sentence(f"data set {name}", before, after)
            yield Difference("data", name, before, after, weights.DATA_SET, told)
        else:
            digests = f"{quoted(after)} instead of {quoted(before)}"
            told = f"data set {quoted(name)} has the digest {digests}"
            yield Difference("data", name, before, after, weights.DATA_DIGEST, told)


def _named(data: list[DataFacts]) -> dict[str, str]:
    """Digest by name; with what it was used for where a name stands for several contents."""
    uses = {(one.name, one.context, one.digest): one for one in data}.values()
    contents = Counter(name for name, _ in {(one.name, one.digest) for one in uses})
    found: dict[str, str] = {}
    for one in uses:
        name = one.name if contents[one.name] == 1 else f"{one.name} ({one.context})"
        found[name] = " ".join(sorted({*found.get(name, "").split(), one.digest}))
    return found


def _parameters(a: dict[str, str], b: dict[str, str]) -> Iterator[Difference]:
    for name in sorted(a.keys() | b.keys()):
        before, after = a.get(name), b.get(name)
        if meaning(before) == meaning(after):
            continue
        told = sentence(name, before, after)
        if weights.is_seed(name):
            unset = _is_unset(before) != _is_unset(after)
            weight = weights.SEED_UNSET if unset else weights.SEED
            yield Difference("seeds", name, before, after, weight, told)
        else:
            in_both = before is not None and after is not None
            weight = weights.of_parameter(name, in_both=in_both)
            yield Difference("parameters", name, before, after, weight, told)


def _is_unset(value: str | None) -> bool:
    return value is None or value.strip().lower() in _UNSET


def _seeds(a: dict[str, str], b: dict[str, str]) -> Iterator[Difference]:
    # One call seeds several libraries: it is one difference.
    alike: dict[tuple[str | None, str | None], list[str]] = {}
    for name in sorted(a.keys() | b.keys()):
        before, after = a.get(name), b.get(name)
        if meaning(before) == meaning(after):
            continue
        if name == DETERMINISTIC:
            told = sentence("a fixed order of computing", before, after)
            yield Difference("seeds", name, before, after, weights.THREADS, told)
        else:
            alike.setdefault((before, after), []).append(name)
    for (before, after), names in alike.items():
        weight = weights.SEED if before is not None and after is not None else weights.SEED_UNSET
        what = ", ".join(names)
        if after is None:
            told = f"no seed is set for {quoted(what)}; the baseline has {quoted(before)}"
        elif before is None:
            told = f"the seed of {quoted(what)} is {quoted(after)}; the baseline sets none"
        else:
            told = sentence(f"the seed of {what}", before, after)
        yield Difference("seeds", what, before, after, weight, told)


def _packages(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    if a.packages is None or b.packages is None:
        return
    imported = None if a.imported is None or b.imported is None else a.imported | b.imported
    for name in sorted(a.packages.keys() | b.packages.keys()):
        before, after = a.packages.get(name), b.packages.get(name)
        if before == after:
            continue
        bump = None if before is None or after is None else bump_of(before, after)
        weight = weights.of_package(role_of(name, imported), bump)
        told = sentence(name, before, after)
        yield Difference("packages", name, before, after, weight, told)


def _python(before: str, after: str) -> Iterator[Difference]:
    if before and after and before != after:
        weight = weights.PYTHON[bump_of(before, after)]
        told = sentence("Python", before, after)
        yield Difference("python", "python", before, after, weight, told)


def _hardware(a: dict[str, str], b: dict[str, str]) -> Iterator[Difference]:
    if not a or not b:
        return
    for name, weight in weights.HARDWARE.items():
        before, after = a.get(name), b.get(name)
        if before != after:
            told = sentence(f"the {_HARDWARE_NAMES.get(name, name)}", before, after)
            yield Difference("hardware", name, before, after, weight, told)
