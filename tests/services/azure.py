"""A stand-in for Azure Resource Manager below the real SDK: it keeps what is put, and forgets what
is deleted. No account can be had.
"""

from __future__ import annotations

import json
import re
import warnings
from typing import Any
from urllib.parse import urlsplit

with warnings.catch_warnings():
    # What the SDK does to its own dependencies is for others to mend.
    warnings.simplefilter("ignore")
    from azure.ai.ml import MLClient
    from azure.core.credentials import AccessToken
    from azure.core.pipeline.transport import HttpTransport
    from azure.core.rest._http_response_impl import HttpResponseImpl

SCORING = "https://{name}.westeurope.inference.ml.azure.com/invocations"


class Credential:
    """Signs in as nobody."""

    def get_token(self, *_: Any, **__: Any) -> AccessToken:
        return AccessToken("token", 4_102_444_800)


class Azure(HttpTransport[Any, Any]):
    """Answers requests from a dict of resources by their paths."""

    def __init__(self) -> None:
        self.resources: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.predictions = '{"predictions": [1, 2]}'
        self.broken = "broken"
        """An image with this in its name never gets ready."""

    def connect(self, subscription: str, group: str, workspace: str) -> MLClient:
        """The SDK's client of a workspace here."""
        return MLClient(
            Credential(), subscription, group, workspace, transport=self, enable_telemetry=False
        )

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def __exit__(self, *_: Any) -> None:
        pass

    def find(self, end: str) -> dict[str, Any]:
        """The one resource whose path ends like this."""
        (found,) = (one for path, one in self.resources.items() if path.endswith(end))
        return found

    def send(self, request: Any, **_: Any) -> Any:
        parts = urlsplit(request.url)
        path = parts.path.rstrip("/")
        content = getattr(request, "content", None) or getattr(request, "body", None)
        body = json.loads(content) if content else None
        self.asked.append((request.method, path, body))
        status, answer = self._answer(request.method, path, body)
        return _response(request, status, answer)

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        name = path.rpartition("/")[2]
        if path.endswith("/invocations"):
            return 200, json.loads(self.predictions)
        if re.search(r"/workspaces/[^/]+$", path):
            facts = {"discoveryUrl": "https://westeurope.api.azureml.ms/discovery"}
            return 200, {"id": path, "name": name, "location": "westeurope", "properties": facts}
        if method == "POST" and name == "listKeys":
            return 200, {"primaryKey": "k", "secondaryKey": "k"}
        if method == "GET" and re.search(r"/(onlineEndpoints|deployments)$", path):
            depth = path.count("/") + 1
            found = (p for p in self.resources if p.startswith(path) and p.count("/") == depth)
            return 200, {"value": [self.resources[p] for p in found]}
        if method == "GET":
            found = self.resources.get(path)
            missing = {"error": {"code": "ResourceNotFound", "message": f"{name} isn't there"}}
            return (404, missing) if found is None else (200, found)
        if method == "DELETE":
            for one in [p for p in self.resources if p == path or p.startswith(f"{path}/")]:
                del self.resources[one]
            return 204, None
        assert method == "PUT", (method, path)
        state = "Succeeded"
        if "/deployments/" in path and self.broken in self._image(body):
            return 400, {"error": {"code": "BadRequest", "message": "container isn't ready"}}
        kept = {**body, "id": path, "name": name, "type": "x"}
        kept["properties"] = {**kept.get("properties", {}), "provisioningState": state}
        if "/deployments/" in path:
            kept["properties"].setdefault("scaleSettings", {"scaleType": "Default"})
        if re.search(r"/onlineEndpoints/[^/]+$", path):
            kept["properties"]["scoringUri"] = SCORING.format(name=name)
        self.resources[path] = kept
        return 200, kept

    def _image(self, body: Any) -> str:
        known = self.resources.get(body["properties"]["environmentId"].removeprefix("azureml:"), {})
        return str(known.get("properties", {}).get("image", ""))


def _response(request: Any, status: int, answer: Any) -> Any:
    content = b"" if answer is None else json.dumps(answer).encode()
    headers = {"content-type": "application/json", "content-length": str(len(content))}

    class _Whole(HttpResponseImpl):
        def close(self) -> None:
            pass

    made = _Whole(
        request=request,
        internal_response=None,
        status_code=status,
        reason="",
        content_type="application/json",
        headers=headers,
        stream_download_generator=None,
    )
    made._content = content
    made._is_closed = True
    made._is_stream_consumed = True
    return made
