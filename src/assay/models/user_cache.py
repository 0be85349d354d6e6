"""The folders of this user in which models' by-products are kept between processes.

All lies below ``$XDG_CACHE_HOME/assay`` (``~/.cache/assay``), readable by the user alone; whatever
is there may be deleted at any time and is made again.
"""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(*names: str) -> Path:
    """The folder ``names`` below the user's cache, made if missing.

    Raises:
        OSError: it can't be made.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG Base Directory specification has relative paths ignored.
    root = Path(base) if base.startswith(os.sep) else Path("~/.cache").expanduser()
    root.mkdir(parents=True, exist_ok=True)
    folder = root
    for name in ("assay", *names):
        folder /= name
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder
