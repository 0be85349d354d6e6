"""Registry routes: calls of Assay's own routes for one resource, refused where there are none."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from assay.entities.names import check_value
from assay.store.rest.server import Server

T = TypeVar("T")

Field = str | int | list[str] | None


class RegistryRoutes:
    """The routes under ``/registry`` that one resource uses.

    Raises from each call:
        InvalidInput: the server is a plain MLflow server, which has nothing like them.
    """

    def __init__(self, server: Server, ability: str) -> None:
        """``ability`` says what needs them, as in "can't keep policies"."""
        self._server = server
        self._ability = ability

    def get(self, path: str, answer: type[T], **fields: Field) -> T:
        """Ask for something; fields that are ``None`` are left out.

        Raises:
            InvalidInput: a field has NUL or half of a surrogate pair in it.
        """
        self._server.require_assay(self._ability)
        query = {
            name: value if isinstance(value, list) else check_value(name, str(value))
            for name, value in fields.items()
            if value is not None
        }
        return self._server.assay(f"/registry/{path}", answer, query=query)

    def post(
        self, path: str, answer: type[T], request: msgspec.Struct, *, repeatable: bool = False
    ) -> T:
        """Make a change. It isn't sent again when the connection broke, unless it is
        ``repeatable``: a second approval or rollback would not be the same as one.
        """
        self._server.require_assay(self._ability)
        return self._server.assay(f"/registry/{path}", answer, request, repeatable=repeatable)
