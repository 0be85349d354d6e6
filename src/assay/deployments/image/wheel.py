"""Assay's own wheel, made of the files that run here, byte for byte the same each time.

An image gets the very program that made it, which no index may have. The wheel names no
requirements: what serving needs is in the image's requirements, and the rest (the server and its
database) is never asked there. Nothing is compressed: another zlib would give other bytes. Layout:
PyPA *Binary distribution format*.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path
from typing import Final

from assay.version import __version__

FILE: Final = f"assay-{__version__}-py3-none-any.whl"
_PACKAGE: Final = Path(__file__).resolve().parents[2]
_LEFT_OUT: Final = ("server/static/", "testing/", "store/sql/migrations/")
"""The web UI, what tests of plugins use, and the history of a database's tables."""
_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest that a ZIP archive can hold."""
_INFO: Final = f"assay-{__version__}.dist-info"
_MADE: Final = {
    "METADATA": f"Metadata-Version: 2.1\nName: assay\nVersion: {__version__}\n",
    "WHEEL": ("Wheel-Version: 1.0\nGenerator: assay\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
    "entry_points.txt": "[console_scripts]\nassay = assay.cli.main:main\n",
}


def write_wheel(folder: Path) -> Path:
    """Write the wheel into a folder; returns its path."""
    target = folder / FILE
    record: list[str] = []
    with zipfile.ZipFile(target, "w") as archive:
        for name in _sources():
            _add(archive, f"assay/{name}", (_PACKAGE / name).read_bytes(), record)
        for name, text in _MADE.items():
            _add(archive, f"{_INFO}/{name}", text.encode(), record)
        record.append(f"{_INFO}/RECORD,,")
        _add(archive, f"{_INFO}/RECORD", ("\n".join(record) + "\n").encode(), [])
    return target


def _sources() -> list[str]:
    names = (
        path.relative_to(_PACKAGE).as_posix() for path in _PACKAGE.rglob("*") if path.is_file()
    )
    return sorted(
        name for name in names if "__pycache__" not in name and not name.startswith(_LEFT_OUT)
    )


def _add(archive: zipfile.ZipFile, name: str, content: bytes, record: list[str]) -> None:
    facts = zipfile.ZipInfo(name, _TIME)
    facts.external_attr = 0o100644 << 16
    archive.writestr(facts, content)
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    record.append(f"{name},sha256={digest},{len(content)}")
