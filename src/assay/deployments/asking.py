"""Asking a deployment over HTTP: for predictions, and whether it answers.

Any server of MLflow's scoring protocol will do. What it says when it refuses is passed on.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import urllib3

from assay.errors import AssayError, InvalidInput, RemoteError, StoreUnavailable
from assay.models.input_example import serving_text
from assay.models.scoring import FORMS, PARAMS
from assay.version import __version__

TOKEN_VARIABLE: Final = "ASSAY_SERVE_TOKEN"  # noqa: S105 - the name of a variable
_TIMEOUT_S: Final = 120.0
_CONNECT_S: Final = 10.0
_MAX_ANSWER: Final = 256 << 20
_PAUSE_S: Final = 0.05
"""Between two looks at a server that is starting."""
_JSON: Final = "application/json"


class PredictionsResponse(dict[str, Any]):
    """The answer of a deployment: ``predictions``, and what else its server said."""

    def get_predictions(self, predictions_format: str = "dataframe", dtype: Any = None) -> Any:
        """The predictions as a pandas ``DataFrame`` or, with ``ndarray``, a NumPy array.

        Raises:
            InvalidInput: it is another format.
        """
        found = self["predictions"]
        if predictions_format == "ndarray":
            import numpy as np

            return np.array(found, dtype)
        if predictions_format != "dataframe":
            raise InvalidInput(
                f"The format of predictions is 'dataframe' or 'ndarray', not"
                f" {predictions_format!r}."
            )
        import pandas as pd

        if isinstance(found, str):
            return pd.DataFrame([found])
        is_row = isinstance(found, dict) and not any(isinstance(v, list) for v in found.values())
        return pd.DataFrame(found, index=[0] if is_row else None)

    def to_json(self, path: str | Path | None = None) -> str | None:
        """The answer as JSON text, or written to a file."""
        text = json.dumps(dict(self))
        if path is None:
            return text
        Path(path).write_text(text, encoding="utf-8")
        return None

    @classmethod
    def from_json(cls, json_str: str | bytes) -> PredictionsResponse:
        """An answer from its text.

        Raises:
            InvalidInput: it is no JSON object with ``predictions``.
        """
        try:
            parsed = json.loads(json_str)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"The answer of the deployment is no JSON: {error}.") from None
        if not isinstance(parsed, dict) or "predictions" not in parsed:
            raise InvalidInput("The answer of the deployment has no predictions in it.")
        return cls(parsed)


def body_of(inputs: Any) -> bytes:
    """The body of a request for predictions.

    Args:
        inputs: a pandas or Polars table, an array, lists, named inputs; or a whole request, as a
            dict with ``dataframe_split``, ``dataframe_records``, ``instances`` or ``inputs``, or as
            its text.

    Raises:
        InvalidInput: there is nothing, or it has no JSON form.
    """
    if inputs is None:
        raise InvalidInput("There are no inputs to predict.")
    if isinstance(inputs, bytes):
        return inputs
    if isinstance(inputs, str):
        return inputs.encode()
    if isinstance(inputs, dict) and any(form in inputs for form in FORMS):
        data = {key: value for key, value in inputs.items() if key in (*FORMS, PARAMS)}
        return json.dumps(data).encode()
    return serving_text(inputs, indent=None).encode()


def ask(
    endpoint: str, body: bytes, *, name: str, content_type: str = _JSON, token: str | None = None
) -> PredictionsResponse:
    """Predictions of the server at ``endpoint``.

    Args:
        endpoint: its URL, without ``/invocations``.
        body: of the request.
        name: of the deployment, for messages.
        content_type: of the body.
        token: what the server asks for; ``ASSAY_SERVE_TOKEN`` unless given.

    Raises:
        StoreUnavailable: it doesn't answer.
        InvalidInput: it refuses the inputs.
        RemoteError: it failed.
    """
    headers = {"content-type": content_type, "user-agent": f"assay/{__version__}"}
    secret = token or os.environ.get(TOKEN_VARIABLE)
    if secret:
        headers["authorization"] = f"Bearer {secret}"
    try:
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(
                "POST",
                f"{endpoint}/invocations",
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=_CONNECT_S, read=_TIMEOUT_S),
                redirect=False,
                preload_content=False,
            )
            content = answer.read(_MAX_ANSWER + 1)
    except urllib3.exceptions.HTTPError as error:
        raise StoreUnavailable(
            f"The deployment {name!r} doesn't answer at {endpoint}: {_reason(error)}."
        ) from error
    if len(content) > _MAX_ANSWER:
        raise InvalidInput(f"The answer of {name!r} is over {_MAX_ANSWER >> 20} MB; ask for less.")
    if answer.status != 200:
        raise _refusal(name, answer.status, content)
    return PredictionsResponse.from_json(content)


def answers(endpoint: str, *, timeout_s: float = 2.0) -> bool:
    """Whether the server at ``endpoint`` says on ``/ping`` that it would predict."""
    try:
        with urllib3.PoolManager(retries=False) as pool:
            reply = pool.request("GET", f"{endpoint}/ping", timeout=timeout_s, redirect=False)
    except urllib3.exceptions.HTTPError:
        return False
    return reply.status == 200


def wait_until(
    is_so: Callable[[], bool], *, timeout_s: float, has_ended: Callable[[], bool] | None = None
) -> bool:
    """Wait for something; whether it came before the time was up or what makes it had ended."""
    until = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > until or (has_ended is not None and has_ended()):
            return is_so()
        time.sleep(_PAUSE_S)
    return True


def _refusal(name: str, status: int, content: bytes) -> AssayError:
    told: Any = None
    try:
        told = msgspec.json.decode(content)
    except msgspec.MsgspecError:
        pass
    said = told.get("message") if isinstance(told, dict) else None
    text = str(said or content[:500].decode("utf-8", "replace")).strip() or "no reason given"
    if status in (429, 503):
        return StoreUnavailable(f"The deployment {name!r} can't predict now: {text}")
    if 400 <= status < 500:
        return InvalidInput(f"The deployment {name!r} refuses this ({status}): {text}")
    code = told.get("error_code", "") if isinstance(told, dict) else ""
    return RemoteError(
        f"The deployment {name!r} failed ({status}): {text}",
        error_code=str(code) or "INTERNAL_ERROR",
        http_status=status,
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error).rpartition(": ")[2] or type(error).__name__
