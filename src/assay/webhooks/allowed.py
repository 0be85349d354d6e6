"""What webhooks of a store that is used without a server may reach: what its server would allow.

Apart from ``addresses``, because whoever opens a store imports this.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

ALLOW_VARIABLE: Final = "ASSAY_SERVER_WEBHOOK_ALLOW"


def allowed_by_environment(environ: Mapping[str, str] | None = None) -> list[str]:
    """What a server with these variables would allow; for stores that are used without one."""
    text = (os.environ if environ is None else environ).get(ALLOW_VARIABLE, "")
    return [part.strip() for part in text.split(",") if part.strip()]
