"""Podman with a storage of its own, a base image made of this machine's Python, and a folder of
wheels made of what is installed here: images are built for real, and nothing is fetched.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pip
import pytest

from assay.deployments.image.closure import SERVING_NEEDS
from assay.models.environments.requires_dist import needed, normalized, parse

BASE_IMAGE = "assay-test-base:1"
_CONFIGURATION = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
netns = "host"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""
_STUBS = (
    *("libgcc_s.so.1", "libstdc++.so.6"),
    *("libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1"),
)
"""What wheels link to beside the libraries of Python itself."""
_LEFT_OUT = re.compile(r"site-packages|dist-packages|test|idlelib|tkinter|ensurepip|config-|turtle")


class Podman:
    """The program, with its storage."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = dict(variables)

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> str:
        done = subprocess.run(
            ["podman", *arguments],
            input=stdin,
            capture_output=True,
            env={**os.environ, **self.variables},
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """Podman, which has the base image."""
    # A short path: sockets of containers are below it, and where their names don't fit, each run
    # takes twenty seconds longer.
    place = Path(tempfile.mkdtemp(prefix="pod-"))
    (place / "containers.conf").write_text(_CONFIGURATION)
    (place / "storage.conf").write_text(
        f'[storage]\ndriver = "{_driver(place)}"\n'
        f'graphroot = "{place}/graph"\nrunroot = "{place}/run"\n'
    )
    made = Podman(
        {
            "CONTAINERS_CONF": str(place / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
        }
    )
    made("import", "-c", "ENV PATH=/usr/local/bin:/usr/bin:/bin", "-", BASE_IMAGE, stdin=_system())
    yield made
    made("rm", "--all", "--force", "--time", "0")
    made("rmi", "--all", "--force")
    # Podman mounts the folder of its layers on itself, for as long as the machine runs.
    subprocess.run(["umount", place / "graph" / "overlay"], capture_output=True)
    shutil.rmtree(place, ignore_errors=True)


def _driver(place: Path) -> str:
    """Layers can't lie on a file system that is one of layers itself."""
    told = subprocess.run(["stat", "-f", "-c", "%T", place], capture_output=True, text=True)
    return "vfs" if told.stdout.strip() == "overlayfs" else "overlay"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel of each package that serving a model of plain Python takes, and of
    uv.
    """
    folder = tmp_path_factory.mktemp("wheels")
    waiting, seen = [*SERVING_NEEDS, "cloudpickle", "uv"], set()
    while waiting:
        name = normalized(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        found = distribution(name)
        _pack(found, folder)
        for line in found.requires or []:
            wanted = parse(line)
            if wanted is not None and needed(wanted):
                waiting.append(wanted.name)
    return folder


def _system() -> bytes:
    """The files of a system that has Python and pip, and nothing else."""
    python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = Path(sysconfig.get_path("stdlib"))
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(folder)
        archive.add(python, f"usr/local/bin/{version}")
        for name in ("python", "python3"):
            link = tarfile.TarInfo(f"usr/local/bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, version
            archive.addfile(link)
        archive.add(library, f"usr/local/lib/{version}", filter=_kept)
        archive.add(
            Path(pip.__file__).parent,
            f"usr/local/lib/{version}/site-packages/pip",
            filter=_kept_pip,
        )
        modules = sorted((library / "lib-dynload").glob("*.so"))
        for file in _libraries([python, *modules]):
            # Libpython lies beside Python where that was built by hand.
            place = f"usr/lib/{file.name}" if file.name.startswith("libpython") else str(file)[1:]
            archive.add(file.resolve(), place)
    return content.getvalue()


def _kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    below = entry.name.split("/", 4)[-1]
    is_left_out = entry.name.count("/") == 4 and _LEFT_OUT.match(below)
    return None if is_left_out or "__pycache__" in entry.name else entry


def _kept_pip(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in entry.name else entry


def _libraries(binaries: list[Path]) -> list[Path]:
    told = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True).stdout
    found = {Path(name) for name in re.findall(r"(/\S+\.so\S*) \(", told)}
    beside = next(path.parent for path in found if path.name.startswith("libc.so"))
    found |= {beside / name for name in _STUBS if (beside / name).exists()}
    return sorted(found)


def _pack(found: Distribution, folder: Path) -> None:
    """Write the wheel that a distribution was installed from, as far as it can be known."""
    name, version = re.sub(r"[-.]+", "_", found.name), found.version
    tags = re.findall(r"^Tag: (\S+)$", found.read_text("WHEEL") or "", re.MULTILINE)
    parts = [sorted({tag.split("-")[i] for tag in tags}) for i in range(3)]
    file = folder / f"{name}-{version}-{'-'.join('.'.join(part) for part in parts)}.whl"
    record = []
    with zipfile.ZipFile(file, "w") as archive:
        for entry in found.files or []:
            place = str(entry)
            if place.startswith(".."):
                if "/bin/" not in place or found.name != "uv":
                    continue
                place = f"{name}-{version}.data/scripts/{entry.name}"
            if "__pycache__" in place or entry.name in ("RECORD", "INSTALLER", "REQUESTED"):
                continue
            content = Path(str(found.locate_file(entry))).read_bytes()
            facts = zipfile.ZipInfo(place)
            facts.external_attr = 0o100755 << 16
            archive.writestr(facts, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            record.append(f"{place},sha256={digest.decode()},{len(content)}")
        info = next(str(one) for one in found.files or [] if one.name == "METADATA")
        place = info.replace("METADATA", "RECORD")
        archive.writestr(place, "\n".join([*record, f"{place},,"]) + "\n")
