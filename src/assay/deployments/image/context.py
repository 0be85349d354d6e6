"""The context of an image: the folder that a builder takes, the same bytes for the same model.

Files are written with fixed times and modes (``SOURCE_DATE_EPOCH`` if it is set: reproducible-
builds.org), names in a fixed order, and the folder appears whole or not at all.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from assay.containers.naming import image_reference
from assay.containers.times import build_time_s
from assay.deployments.image import sbom, wheel
from assay.deployments.image.closure import Closure, closure_of, wheels_of
from assay.deployments.image.dockerfile import FIRST_LINE, UV, Recipe, dockerfile
from assay.deployments.image.subject import Subject, find_subject
from assay.errors import AlreadyExists, InvalidInput
from assay.models import registered_meta
from assay.models.digests import ADDED_LATER
from assay.models.digests import FILE as DIGESTS
from assay.models.environments.uv_env import Progress
from assay.models.folder import inside

_DOCKERFILE: Final = "Dockerfile"
_PLAIN: Final = re.compile(r"[\w.-]{1,100}\Z")
_LEFT_OUT: Final = ADDED_LATER - {DIGESTS}
"""Of the model's files: what tools put beside it later, and change."""


class ImageOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How an image is made."""

    base_image: str | None = None
    """``None``: the slim image of the model's Python. A digest pins it."""
    wheels: Path | None = None
    """Folder that all packages are taken from, at the build as well: it goes into the context."""
    lock: bool = True
    """Resolve all packages to one version each; ``False``: as the model names them."""
    install_java: bool | None = None
    """``None``: if the model's packages need it."""
    workers: int = 1
    trust: bool | None = None
    require_signature: bool | None = None


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """A context that was written."""

    folder: Path
    subject: Subject
    base_image: str
    packages: int
    """Number of those that are pinned."""


def write_context(
    model_uri: str | Path,
    folder: str | Path,
    *,
    options: ImageOptions | None = None,
    progress: Progress | None = None,
) -> Context:
    """Write the context of a model's image.

    Args:
        model_uri: as of ``assay.pyfunc.load_model``.
        folder: to be made; one that was made like this before is replaced.
        options: how.
        progress: told each step, as it begins.

    Raises:
        AlreadyExists: the folder holds something else.
        InvalidInput: an option, or the model's environment, can't be used for an image.
        UntrustedModel: the model runs code of somebody else.
        EnvironmentFailed: its packages can't be resolved.
        MissingExtra: uv isn't there.
    """
    chosen = options or ImageOptions()
    target = Path(folder).absolute()
    _check_target(target)
    if chosen.base_image is not None:
        image_reference(chosen.base_image, what="base image")
    if chosen.wheels is not None and not chosen.wheels.is_dir():
        raise InvalidInput(f"The folder of wheels does not exist: {chosen.wheels}.")
    subject = find_subject(
        model_uri, trusted=chosen.trust, require_signature=chosen.require_signature
    )
    closure = closure_of(
        subject.folder,
        lock=chosen.lock,
        wheels=chosen.wheels,
        java=chosen.install_java,
        progress=progress,
    )
    base = chosen.base_image or f"python:{closure.python}-slim"
    target.parent.mkdir(parents=True, exist_ok=True)
    work = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    work.mkdir(mode=0o700)
    try:
        _fill(work, subject, closure, base=base, options=chosen)
        _settle(work)
        _put(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Context(folder=target, subject=subject, base_image=base, packages=len(closure.packages))


def _check_target(target: Path) -> None:
    if not target.exists():
        return
    try:
        known = (target / _DOCKERFILE).read_text(encoding="utf-8").startswith(FIRST_LINE)
    except (OSError, UnicodeDecodeError):
        known = target.is_dir() and next(target.iterdir(), None) is None
    if not known:
        raise AlreadyExists("folder", str(target), hint="Name one that is new or empty.")


def _fill(
    work: Path, subject: Subject, closure: Closure, *, base: str, options: ImageOptions
) -> None:
    _copy_model(subject.folder, work / "model")
    if subject.version is not None:
        # Answers name the version by it: in a container there is no registry to ask.
        meta = registered_meta.RegisteredMeta(subject.name, subject.version)
        registered_meta.write(work / "model", meta)
    made = wheel.write_wheel(work)
    for archive in closure.archives:
        place = work / "archives" / archive
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(inside(subject.folder, archive), place)
    uv = UV
    if options.wheels is not None:
        (work / "wheels").mkdir()
        for file in wheels_of(closure, options.wheels, also=["uv"]):
            shutil.copyfile(file, work / "wheels" / file.name)
            if file.name.startswith("uv-"):
                uv = file.name.split("-")[1]
    recipe = Recipe(
        base_image=base,
        python=closure.python,
        wheel=made.name,
        labels=_labels(subject, base),
        runs_code=subject.runs_code,
        is_locked=closure.is_locked,
        has_archives=bool(closure.archives),
        has_constraints=bool(closure.constraints),
        is_offline=options.wheels is not None,
        uv=uv,
        # Other names can't be told from an address.
        name=subject.name if _PLAIN.match(subject.name) else None,
        # Without an index there is no mirror of Debian either: the base image brings them.
        build_system=() if options.wheels is not None else closure.build_system,
        system=() if options.wheels is not None else closure.system,
        workers=options.workers,
    )
    texts = {
        _DOCKERFILE: dockerfile(recipe),
        "requirements.txt": "".join(f"{line}\n" for line in closure.requirements),
        sbom.FILE: sbom.sbom_text(subject, closure, base_image=base),
    }
    if closure.constraints:
        texts["constraints.txt"] = "".join(f"{line}\n" for line in closure.constraints)
    # All but what was put here: whatever somebody adds later stays out of the image.
    names = sorted({*(path.name for path in work.iterdir()), *texts} - {_DOCKERFILE})
    texts[".dockerignore"] = "".join(f"{line}\n" for line in ("*", *(f"!{n}" for n in names)))
    for name, text in texts.items():
        (work / name).write_text(text, encoding="utf-8")


def _copy_model(source: Path, target: Path) -> None:
    """The model's files; links are followed as far as they stay inside."""
    for relative in _files(source):
        place = target / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(inside(source, relative.as_posix()), place)


def _files(folder: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        below = Path(base).relative_to(folder)
        for name in sorted(names):
            if (below / name).as_posix() not in _LEFT_OUT:
                yield below / name


def _labels(subject: Subject, base: str) -> dict[str, str]:
    facts = {
        "org.opencontainers.image.title": subject.name,
        "org.opencontainers.image.version": subject.version,
        "org.opencontainers.image.base.name": base,
        "assay.model.name": None if subject.version is None else subject.name,
        "assay.model.version": subject.version,
        "assay.model.uri": subject.uri,
        "assay.model.digest": subject.digest,
        "assay.sbom": "/opt/assay/sbom.cdx.json",
    }
    return {name: value for name, value in facts.items() if value is not None}


def _settle(work: Path) -> None:
    """Give all files the same times and modes: readable by the image's user, writable by none."""
    time_s = build_time_s()
    for base, folders, names in os.walk(work, topdown=False):
        for name in names:
            place = Path(base) / name
            place.chmod(0o644)
            os.utime(place, (time_s, time_s))
        for name in folders:
            place = Path(base) / name
            place.chmod(0o755)
            os.utime(place, (time_s, time_s))


def _put(work: Path, target: Path) -> None:
    """Move the finished folder to its place; what was there before goes afterwards."""
    old = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    work.chmod(0o755)
    if not target.exists():
        work.rename(target)
        return
    target.rename(old)
    work.rename(target)
    shutil.rmtree(old, ignore_errors=True)
