"""Model cards: a page that says what a model is, made of facts, and of what its author writes.

Markdown with a YAML front matter, which hubs of models read. Text of users is data here: it is
escaped where it stands in tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from assay.models.mlmodel import Model

FILE: Final = "MODEL_CARD.md"
_LONGEST_CELL: Final = 200


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the run that made a model."""

    name: str = ""
    run_name: str = ""
    params: Mapping[str, str] = {}
    metrics: Mapping[str, float] = {}
    datasets: Sequence[str] = ()
    """Name and digest of each."""
    commit: str = ""
    source: str = ""


def render(model: Model, facts: Facts, *, text: str = "", requirements: Sequence[str] = ()) -> str:
    """The card; ``text`` is the author's part, in Markdown, and comes first."""
    frameworks = sorted(set(model.flavors) - {"python_function"})
    title = facts.name or "Model"
    parts = [
        f"---\nlibrary_name: {', '.join(frameworks) or 'python'}\ntags: [assay]\n---",
        f"# {_plain(title)}",
        text.strip()
        or "*Nobody has written yet what this model is for: pass `model_card=` when it is logged.*",
        _table("Facts", _facts(model, facts, frameworks)),
    ]
    if facts.metrics:
        parts.append(_table("Metrics", {k: f"{v:.6g}" for k, v in facts.metrics.items()}))
    if facts.params:
        parts.append(_table("Params", facts.params))
    if model.signature is not None:
        parts.append(f"## Signature\n\n```\n{model.signature!r}\n```")
    if requirements:
        parts.append("## Requirements\n\n```\n" + "\n".join(requirements) + "\n```")
    return "\n\n".join(parts) + "\n"


def _facts(model: Model, facts: Facts, frameworks: list[str]) -> dict[str, str]:
    named = {
        "framework": ", ".join(frameworks),
        "created": f"{model.utc_time_created} UTC",
        "model id": model.model_id or "",
        "run": " ".join(one for one in (facts.run_name, model.run_id or "") if one),
        "commit": facts.commit,
        "source": facts.source,
        "data sets": ", ".join(facts.datasets),
        "metadata": "" if not model.metadata else _json(model.metadata),
    }
    return {key: value for key, value in named.items() if value}


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def _table(title: str, rows: Mapping[str, str]) -> str:
    lines = [f"| {_plain(str(key))} | {_plain(str(value))} |" for key, value in rows.items()]
    return "\n".join([f"## {title}", "", "| | |", "|---|---|", *lines])


def _plain(text: str) -> str:
    """``text`` on one line, with nothing that Markdown or HTML would read as its own."""
    shown = " ".join(text.split())
    if len(shown) > _LONGEST_CELL:
        shown = shown[: _LONGEST_CELL - 1] + "…"
    for mark in "\\`*_[]<>|#":
        shown = shown.replace(mark, f"\\{mark}" if mark not in "<>" else f"&{_ENTITIES[mark]};")
    return shown


_ENTITIES: Final = {"<": "lt", ">": "gt"}
