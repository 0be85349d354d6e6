"""Saving: what every flavor's ``save_model`` does around the flavor itself.

A model's folder appears whole or not at all: it is made beside its place under a hidden name and
renamed when the last file, ``digests.json``, is written. What the model needs to run is found by
loading it in a process of its own.
"""

from __future__ import annotations

import logging
import os
import platform
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from assay.errors import AlreadyExists, ArtifactNotFound, InvalidInput
from assay.flavors.base import PYTHON_FUNCTION, Flavor, Predictor, Saved
from assay.models import card, checks, digests, golden
from assay.models.environments.environment import Environment
from assay.models.environments.requirements import infer_requirements
from assay.models.input_example import Example, save_example, split_example
from assay.models.mlmodel import Model
from assay.models.signatures.enforce import enforce, enforce_params
from assay.models.signatures.infer import infer_signature
from assay.models.signatures.schema import Signature

CODE_FOLDER = "code"
_log = logging.getLogger(__name__)


class Extras(msgspec.Struct, frozen=True, kw_only=True):
    """What a user may give with a model of any flavor."""

    signature: Signature | bool | None = None
    """``None``: inferred from the input example; ``False``: none."""
    input_example: Any = None
    """A few rows, or a tuple of them and params."""
    pip_requirements: Sequence[str] | str | None = None
    """Instead of what is inferred: requirements, or the path of a requirements file."""
    extra_pip_requirements: Sequence[str] | str | None = None
    """In addition to what is inferred."""
    conda_env: Mapping[str, Any] | str | None = None
    """Instead of all of that."""
    code_paths: Sequence[str | Path] = ()
    """Files and folders that loading needs."""
    metadata: Mapping[str, Any] | None = None
    golden: bool = True
    """Keep what the model answers to its input example, to be replayed."""
    golden_tolerance: tuple[float, float] | None = None
    """Relative and absolute; ``None``: by the precision of the numbers."""
    invariants: Sequence[checks.Invariant] = ()
    budget: checks.Budget | None = None
    model_card: str = ""
    """What the author says of the model, in Markdown."""


class Belongs(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model that is logged belongs."""

    model_id: str | None = None
    run_id: str | None = None
    artifact_path: str | None = None
    facts: card.Facts = card.Facts()


class _Tried(NamedTuple):
    """What the model answered to its input example."""

    example: Example
    output: Any


def save(
    model: Any,
    flavor: Flavor,
    path: str | Path,
    *,
    extras: Extras | None = None,
    options: Mapping[str, Any] | None = None,
    belongs: Belongs | None = None,
) -> Model:
    """Write a model's folder; returns what its ``MLmodel`` says.

    Args:
        model: the framework's object.
        flavor: how it is written.
        path: the folder, which must not exist, or be empty.
        extras: what the user gives with it.
        options: keyword arguments of the flavor's ``save``.
        belongs: ids, where the model is logged.

    Raises:
        AlreadyExists: the folder isn't empty.
        InvalidInput: something given doesn't fit the model or the flavor.
        SignatureMismatch: the input example isn't what the signature says.
        MissingFramework: the framework isn't installed.
    """
    place = Path(os.path.abspath(path))  # noqa: PTH100 - links in the path stay as they are
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise AlreadyExists("model folder", str(path), hint="Choose another path, or remove it.")
    place.parent.mkdir(parents=True, exist_ok=True)
    work = place.with_name(f".{place.name}.{secrets.token_hex(6)}")
    work.mkdir(mode=0o700)
    try:
        given = extras or Extras()
        saved = flavor.save(model, work, **_options(flavor, given, options or {}))
        meta = _complete(model, flavor, saved, work, given, belongs or Belongs())
        work.replace(place)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return meta


def _options(flavor: Flavor, extras: Extras, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the flavor's ``save`` is given: its options, and the example if it wants that."""
    if not flavor.wants_example or extras.input_example is None:
        return dict(options)
    example = split_example(extras.input_example)
    # Params are for predict, which isn't what is traced.
    return dict(options) if example.params else {"example_inputs": example.data, **options}


def _complete(  # noqa: PLR0917 - the six things that a model's folder is made of
    model: Any, flavor: Flavor, saved: Saved, folder: Path, extras: Extras, belongs: Belongs
) -> Model:
    """Write all but the flavor's own files."""
    meta = Model(
        metadata=dict(extras.metadata) if extras.metadata else None,
        model_id=belongs.model_id,
        run_id=belongs.run_id,
        artifact_path=belongs.artifact_path,
    )
    code = _copy_code(folder, extras.code_paths)
    _fill_flavors(meta, flavor, saved, code)
    predictor = None
    if saved.python_function is not None:
        predictor = flavor.predictor(model, {**saved.python_function, **saved.facts})
    tried = _try_example(meta, predictor, folder, saved, extras)
    _keep_promises(folder, tried, extras)
    meta.model_size_bytes = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    meta.save(folder)
    environment = _environment(folder, flavor, extras)
    environment.write(folder)
    (folder / card.FILE).write_text(
        card.render(
            meta, belongs.facts, text=extras.model_card, requirements=environment.requirements
        ),
        encoding="utf-8",
    )
    digests.write(folder)
    return meta


def _fill_flavors(meta: Model, flavor: Flavor, saved: Saved, code: str | None) -> None:
    if flavor.name != PYTHON_FUNCTION:
        facts = dict(saved.facts)
        if code is not None or "code" in facts:
            facts["code"] = code
        meta.flavors[flavor.name] = facts
    if saved.python_function is None:
        return
    entry = {
        "loader_module": flavor.loader_module,
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        "python_version": platform.python_version(),
        **saved.python_function,
    }
    if code is not None:
        entry["code"] = code
    meta.flavors[PYTHON_FUNCTION] = entry


def _copy_code(folder: Path, paths: Sequence[str | Path]) -> str | None:
    if isinstance(paths, str | Path):
        raise InvalidInput("code_paths must be a list of paths.")
    for one in paths:
        source = Path(one).resolve()
        target = folder / CODE_FOLDER / source.name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            # Links are copied as what they point to: elsewhere they would point nowhere.
            ignored = shutil.ignore_patterns("__pycache__", ".git", "*.pyc")
            shutil.copytree(source, target, ignore=ignored)
        elif source.is_file():
            shutil.copy2(source, target)
        else:
            raise ArtifactNotFound(str(one))
    return CODE_FOLDER if paths else None


def _try_example(
    meta: Model, predictor: Predictor | None, folder: Path, saved: Saved, extras: Extras
) -> _Tried | None:
    """Settle the signature, keep the example, and predict it."""
    given = extras.signature
    if given is True:
        raise InvalidInput("signature is a Signature, None (inferred) or False (none).")
    meta.signature = saved.signature if given is None else (given or None)
    meta.is_signature_from_type_hint = given is None and saved.signature is not None
    if extras.input_example is None:
        return None
    example = split_example(extras.input_example)
    meta.saved_input_example_info = save_example(folder, example)
    data, params = example
    if meta.signature is not None:
        if meta.signature.inputs is not None:
            data = enforce(data, meta.signature.inputs)
        if meta.signature.params is not None:
            params = enforce_params(params, meta.signature.params)
    if predictor is None:
        return None
    try:
        output = predictor.predict(data, params)
    except Exception as error:  # noqa: BLE001 - whatever the user's model raises; it is kept all the same
        _log.warning(
            "The model can't predict its input example (%s: %s); it is saved without golden"
            " predictions%s.",
            type(error).__name__,
            error,
            "" if meta.signature is not None else " and without a signature",
        )
        return None
    if meta.signature is None and given is None:
        meta.signature = infer_signature(example.data, output, example.params)
    return _Tried(Example(data, params), output)


def _keep_promises(folder: Path, tried: _Tried | None, extras: Extras) -> None:
    """Keep golden predictions and declared checks, to be tried whenever the model is verified."""
    if extras.invariants or extras.budget is not None:
        declared = checks.Checks(list(extras.invariants), extras.budget)
        if tried is None and extras.invariants:
            raise InvalidInput("Invariants are tried on an input_example: give one.")
        checks.write(folder, declared)
    if tried is None or not extras.golden:
        return
    limits = extras.golden_tolerance
    tolerance = None if limits is None else golden.Tolerance(*limits)
    if not golden.write(folder, tried.output, tolerance=tolerance):
        _log.warning(
            "The predictions of the input example are too large to be kept as golden ones."
        )


def _environment(folder: Path, flavor: Flavor, extras: Extras) -> Environment:
    if extras.conda_env is not None:
        return Environment.from_conda_env(extras.conda_env)
    if extras.pip_requirements is not None:
        return Environment.from_pip(extras.pip_requirements)
    found = infer_requirements(folder, fallback=flavor.packages)
    return Environment.from_pip(found, extra=extras.extra_pip_requirements)
