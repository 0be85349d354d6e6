"""Predicting with a model by its URI, in this process or in the model's own environment."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from assay.errors import ArtifactNotFound, InvalidInput
from assay.fluent.model_places import Place
from assay.fluent.model_signatures import find_signed_model
from assay.models.input_example import serving_text
from assay.models.mlmodel import Model

EnvManager = Literal["local", "uv", "conda", "virtualenv"]
ENV_MANAGERS: Final = ("local", "uv", "conda", "virtualenv")
"""``virtualenv`` is MLflow's word for what uv makes here."""
ContentType = Literal["json", "csv"]


def predict(
    model_uri: str | Path,
    input_data: Any = None,
    input_path: str | Path | None = None,
    content_type: ContentType | None = None,
    output_path: str | Path | None = None,
    env_manager: EnvManager = "local",
    install_mlflow: bool = False,
    pip_requirements_override: Sequence[str] | None = None,
    extra_envs: Mapping[str, str] | None = None,
    *,
    trust: bool | None = None,
    keep: Sequence[str] | Literal["all"] = (),
    workers: int = 1,
) -> None:
    """Predict data or a file, and write the predictions to a file or standard output.

    Args:
        model_uri: as of ``assay.pyfunc.load_model``.
        input_data: what the model's ``predict`` takes, or the JSON text of a request to a scoring
            server.
        input_path: a file, instead: ``.json`` (a request, or an array of records), ``.csv``,
            ``.parquet`` or ``.jsonl``; those but requests are predicted in constant memory.
        content_type: ``json`` or ``csv``, where the ending doesn't tell.
        output_path: ``.json`` (``{"predictions": …}``), and for files of rows also ``.csv``,
            ``.parquet`` and ``.jsonl``; standard output gets JSON.
        env_manager: ``local``: this Python; ``uv`` or ``conda``: the model's own environment, made
            or found in the cache.
        install_mlflow: taken for MLflow's sake.
        pip_requirements_override: requirements that count where the model asks for the same
            packages.
        extra_envs: variables for the process that predicts; also with ``local`` there is one then.
        trust: ``True`` lets code of the model run; ``None``: if this user made it.
        keep: columns of a file of rows to write beside the predictions.
        workers: processes that predict a file of rows.

    Raises:
        InvalidInput: neither or both of ``input_data`` and ``input_path``, or they can't be read.
        SignatureMismatch: the data don't fit the model.
        PredictionFailed: rows of the file don't.
    """
    del install_mlflow
    if (input_data is None) == (input_path is None):
        raise InvalidInput("Give exactly one of input_data and input_path.")
    place = find_signed_model(model_uri)
    options: dict[str, Any] = {"trust": trust, "extra_envs": extra_envs}
    options |= {"env_manager": env_manager, "override": pip_requirements_override}
    if input_path is not None and is_rows(Path(input_path), content_type):
        _predict_rows(
            place,
            Path(input_path),
            output_path,
            keep=keep,
            workers=workers,
            **options,
        )
        return
    if input_path is not None:
        body = _read(Path(input_path))
    else:
        body = input_data if _is_request(input_data) else serving_text(input_data)
    _write(score(place, body, **options), output_path)


def score(
    place: Place,
    body: str | bytes,
    *,
    trust: bool | None = None,
    env_manager: EnvManager = "local",
    extra_envs: Mapping[str, str] | None = None,
    override: Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] | None = None,
) -> str:
    """The answer to a request to a scoring server, both as JSON texts.

    Args:
        place: where the model is.
        body: the request.
        trust: this and the next three as of ``predict``.
        env_manager: see there.
        extra_envs: see there.
        override: see there.
        params: those that count over the request's own.
        progress: told each step of making an environment.
    """
    from assay.models.scoring import answer, parse_request

    if params:
        body = _with_params(body, params)
    if env_manager == "local" and not extra_envs:
        from assay.models.loading import load_pyfunc

        model = load_pyfunc(place.folder, trust=trust, origin=place.origin)
        data, given = parse_request(body, model.metadata)
        return answer(model.predict(data, given))
    from assay.models.batches.pool import SCORE, Pool, Wanted

    parse_request(body, Model.load(place.folder))
    wanted = Wanted(model=str(place.folder), trust=trust, origin=place.origin)
    made = interpreter(place, env_manager, trust=trust, override=override, progress=progress)
    with made as python, Pool(wanted, interpreter=python, variables=extra_envs) as pool:
        request = body if isinstance(body, bytes) else body.encode()
        return pool.submit(SCORE, request).result().decode()


@contextmanager
def interpreter(
    place: Place,
    env_manager: EnvManager,
    *,
    trust: bool | None = None,
    override: Sequence[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Iterator[Any]:
    """The Python to predict with; ``None`` for this one.

    Raises:
        InvalidInput: there is no such manager.
        EnvironmentFailed: the environment can't be made.
    """
    if env_manager not in ENV_MANAGERS:
        raise InvalidInput(f"env_manager is one of {', '.join(ENV_MANAGERS)}, not {env_manager!r}.")
    if env_manager == "local":
        yield None
        return
    from assay.models.environments.interpreter import interpreter_of, make_environment

    python = make_environment(
        place.folder,
        manager="conda" if env_manager == "conda" else "uv",
        override=override,
        trusted=trust,
        origin=place.origin,
        progress=progress,
    )
    with interpreter_of(python, progress=progress) as found:
        yield found


def is_rows(path: Path, content_type: ContentType | None = None) -> bool:
    """Whether a file holds rows, rather than a request to a scoring server.

    Raises:
        ArtifactNotFound: there is no such file.
    """
    if content_type == "csv" or (content_type is None and path.suffix.lower() != ".json"):
        return True
    try:
        with path.open("rb") as file:
            return file.read(4_096).lstrip()[:1] == b"["
    except FileNotFoundError:
        raise ArtifactNotFound(str(path)) from None


def validate_serving_input(model_uri: str | Path, serving_input: str | dict[str, Any]) -> Any:
    """Predict a request to a scoring server, to see that the model takes it; returns what the
    model says.

    Raises:
        InvalidInput: it is no such request.
        SignatureMismatch: its data don't fit the model.
    """
    from assay.models.loading import load_pyfunc
    from assay.models.scoring import parse_request

    place = find_signed_model(model_uri)
    model = load_pyfunc(place.folder, origin=place.origin)
    data, params = parse_request(serving_input, model.metadata)
    return model.predict(data, params)


def convert_input_example_to_serving_input(input_example: Any) -> str | None:
    """An input example as the JSON text of a request to a scoring server.

    Raises:
        InvalidInput: data of this kind have no JSON form.
    """
    return None if input_example is None else serving_text(input_example)


def _predict_rows(
    place: Place,
    source: Path,
    target: str | Path | None,
    *,
    env_manager: EnvManager,
    trust: bool | None,
    override: Sequence[str] | None,
    extra_envs: Mapping[str, str] | None,
    keep: Sequence[str] | Literal["all"],
    workers: int,
) -> None:
    import tempfile

    from assay.models.batches.predict_file import predict_file

    with (
        interpreter(place, env_manager, trust=trust, override=override) as python,
        tempfile.TemporaryDirectory(prefix="assay-predict-") as work,
    ):
        goal = Path(work) / "predictions.json" if target is None else Path(target)
        predict_file(
            place.folder,
            source,
            goal,
            keep=keep,
            workers=workers,
            trust=trust,
            origin=place.origin,
            interpreter=python,
            variables=extra_envs,
        )
        if target is None:
            _write(goal.read_text(encoding="utf-8"), None)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ArtifactNotFound(str(path)) from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no JSON: {error}.") from None


def _is_request(data: Any) -> bool:
    from assay.models.scoring import FORMS

    if not isinstance(data, str) or not data.lstrip().startswith("{"):
        return False
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and any(form in body for form in FORMS)


def _with_params(body: str | bytes, params: Mapping[str, Any]) -> str:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The input is no JSON: {error}.") from None
    if not isinstance(request, dict):
        return body if isinstance(body, str) else body.decode()
    return json.dumps({**request, "params": {**(request.get("params") or {}), **params}})


def _write(text: str, path: str | Path | None) -> None:
    if path is None:
        sys.stdout.write(text + "\n")
    else:
        Path(path).write_text(text, encoding="utf-8")
