"""Models as commands name them: found where ``--tracking-uri`` points to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from assay.client.tracking_uri import VARIABLE, set_tracking_uri
from assay.fluent.model_places import Place, find_model
from assay.fluent.model_signatures import find_signed_model
from assay.fluent.reading import close_clients

URI_HELP = "A path, models:/<model id>, runs:/<run id>/<name>, or the address of the folder."
_MODEL_ID = re.compile(r"m-[0-9A-Za-z]+")


@contextmanager
def at_place(ctx: click.Context) -> Iterator[None]:
    """Let addresses such as ``runs:/…`` be looked up where the command works."""
    chosen = ctx.find_root().obj
    before = os.environ.get(VARIABLE)
    try:
        if chosen:
            set_tracking_uri(chosen)
        yield
    finally:
        close_clients()
        if chosen:
            set_tracking_uri(before or "")


def whole_uri(text: str) -> str:
    """The address that a person means: a bare model id is ``models:/<model id>``."""
    if _MODEL_ID.fullmatch(text) and not Path(text).exists():
        return f"models:/{text}"
    return text


def found(text: str, *, dst_path: str | Path | None = None) -> Place:
    """The model, fetched if it is elsewhere."""
    return find_model(whole_uri(text), dst_path=dst_path)


def found_to_load(text: str, *, require_signature: bool) -> Place:
    """As ``found``, for a model that is to be loaded: signed if asked, or if settings say so."""
    return find_signed_model(whole_uri(text), require_signature=require_signature or None)


def signature_option(command: Any) -> Any:
    """The option ``--require-signature``."""
    return click.option(
        "--require-signature",
        is_flag=True,
        help="Only if one of the keys in ASSAY_TRUSTED_KEYS has signed exactly these files.",
    )(command)
