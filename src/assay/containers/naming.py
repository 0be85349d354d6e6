"""Names of images and texts of labels: whatever is written into a Dockerfile or onto a builder's
command line passes here first.

What a reference may look like is told by the OCI distribution specification (*Pulling manifests*)
and by Docker's grammar of references, which allows a host and a port before it.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from assay.errors import InvalidName

_MAX_REFERENCE: Final = 512
_MAX_LABEL: Final = 1_024
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{{1,5}})?/)?{_PART}(?:/{_PART})*"
    r"(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?\Z",
    re.ASCII,
)
_NETWORK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}\Z")
_LABEL_SAFE: Final = " !#%&()*+,-./:;<=>?@[]^_{|}~"
"""Neither quotes, backslashes, ``$`` nor line ends: to every builder they mean nothing else than
themselves between double quotes."""


def image_reference(text: str, *, what: str = "image name") -> str:
    """``text``, if it can be the reference of an image: ``name``, ``host:5000/team/name:tag``,
    ``name@sha256:…``.

    Raises:
        InvalidName: it can't.
    """
    if len(text) > _MAX_REFERENCE:
        raise InvalidName(what, text, f"it has over {_MAX_REFERENCE} characters")
    if not _REFERENCE.match(text):
        raise InvalidName(
            what,
            text,
            "expected lower-case letters and digits, parts divided by / . _ -, then perhaps"
            " :tag or @sha256:digest",
        )
    return text


def network_name(text: str) -> str:
    """``text``, if it can be the name of a network.

    Raises:
        InvalidName: it can't.
    """
    if not _NETWORK.match(text):
        raise InvalidName("network", text, "expected letters, digits and _ . : -, a letter first")
    return text


def label_text(value: str) -> str:
    """``value`` as a label holds it: what could end or change the line is percent-encoded."""
    return quote(value.encode("utf-8", "replace"), safe=_LABEL_SAFE)[:_MAX_LABEL]
