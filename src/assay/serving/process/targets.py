"""Targets: what was asked to be served, and the plan that follows from the registry's state now.

``models:/<name>/<stage>``, ``models:/<name>@<alias>`` and ``models:/<name>/latest`` mean another
version whenever the registry says so; all else is the same for ever.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from assay.client.version_uris import find_version, names_version, parse_version_uri
from assay.errors import AssayError, InvalidInput, StoreUnavailable
from assay.fluent.model_places import Place, is_local, logged_model_id
from assay.fluent.model_signatures import find_signed_model
from assay.fluent.reading import client_for
from assay.models import digests, registered_meta
from assay.registry.traffic import end_trial, traffic_of
from assay.serving.process.plan import Plan, Route, Share, Version, Wish

_AGAIN_S: Final = 30.0
"""Before a version that can't be used is fetched again: somebody may have restored it."""


class NotFetched(AssayError):
    """The registry names a version whose files can't be used: they are damaged, gone, or not signed
    as required.
    """

    def __init__(self, uri: str, name: str, version: str, error: AssayError) -> None:
        super().__init__(error.message)
        self.uri, self.name, self.version = uri, name, version


class Target(msgspec.Struct, frozen=True):
    """One model to serve."""

    name: str
    """Of its route."""
    uri: str

    @property
    def follows(self) -> bool:
        """Whether the registry may change what it means."""
        return names_version(self.uri) and not parse_version_uri(self.uri)[1].isdecimal()


def targets_of(uris: list[str]) -> list[Target]:
    """A route for each URI: ``<name>=<uri>``, or named after the registered model or the folder.

    Raises:
        InvalidInput: two would have the same name.
    """
    found: dict[str, Target] = {}
    for text in uris:
        name, equals, uri = text.partition("=")
        if not equals or "/" in name or ":" in name:
            name, uri = _name_of(text), text
        if name in found:
            raise InvalidInput(
                f"Two models would be called {name!r}: say <name>=<uri> for one of them."
            )
        found[name] = Target(name, uri)
    return list(found.values())


def targets_in(file: Path) -> list[Target]:
    """The models that a JSON file names: ``{"<name>": "<uri>"}``.

    Raises:
        InvalidInput: it isn't there, or is something else.
    """
    try:
        named = msgspec.json.decode(file.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError) as error:
        raise InvalidInput(f"The models can't be read from {file}: {error}.") from None
    if not named or any(not name or "/" in name or not uri for name, uri in named.items()):
        raise InvalidInput(f'{file} must name at least one model: {{"<name>": "<uri>"}}.')
    return [Target(name, uri) for name, uri in named.items()]


class Resolver:
    """Makes plans. What was fetched and checked once is remembered by its version.

    With a ``file``, the targets are read from there for each plan.
    """

    def __init__(
        self, targets: list[Target], *, file: Path | None = None, require_signature: bool = False
    ) -> None:
        self.targets = targets
        self._file = file
        self._require_signature = require_signature
        self._known: dict[str, Version] = {}
        self._failed: dict[str, tuple[float, AssayError]] = {}
        """When a version couldn't be fetched, and why: a download isn't repeated every second."""
        self._left_out: set[tuple[str, str, str]] = set()
        """Model, text of its rule, and selector of what was taken out here."""
        self._before: dict[Wish, Target | None] = {}
        """What had the name of a wish before it, for those that weren't fulfilled."""
        self._number = 0

    @property
    def follows(self) -> bool:
        """Whether later plans may differ."""
        return self._file is not None or any(target.follows for target in self.targets)

    def change(self, wish: Wish) -> Plan:
        """The plan with what was wished for; ``take_back`` undoes it.

        Raises:
            InvalidInput: it isn't of the registry, or the last model would go.
            AssayError: the registry doesn't have it, or can't be reached.
        """
        # Whoever asks now wants to know how it is now.
        self._failed.clear()
        before = list(self.targets)
        kept = [target for target in before if target.name != wish.name]
        if wish.uri is not None:
            _check_registered(wish.uri)
            kept.append(Target(wish.name, wish.uri))
        elif not kept:
            raise InvalidInput(f"{wish.name!r} is the only model that is served: it stays.")
        self.targets = kept
        try:
            plan = self.plan()
        except AssayError:
            self.targets = before
            raise
        self._before[wish] = next((one for one in before if one.name == wish.name), None)
        return plan

    def take_back(self, wish: Wish) -> None:
        """Serve under the name of a wish what was served there before it."""
        before = self._before.pop(wish, None)
        self.targets = [one for one in self.targets if one.name != wish.name]
        if before is not None:
            self.targets.append(before)

    def plan(self) -> Plan:
        """What is to be served now.

        Raises:
            AssayError: a model isn't there, or its store can't be reached.
        """
        if self._file is not None:
            self.targets = targets_in(self._file)
        versions: dict[str, Version] = {}
        routes = []
        for target in self.targets:
            main = self._version(target)
            versions[main.key] = main
            route = Route(name=target.name, source=target.uri, main=main.key)
            if target.follows:
                route, more = self._with_traffic(route, main)
                versions |= {one.key: one for one in more}
            routes.append(route)
        self._known = {key: one for key, one in self._known.items() if one.key in versions}
        self._number += 1
        return Plan(number=self._number, versions=list(versions.values()), routes=routes)

    def _with_traffic(self, route: Route, main: Version) -> tuple[Route, list[Version]]:
        """The route by the model's traffic rule, and the versions that this adds."""
        try:
            rule = traffic_of(main.name)
        except InvalidInput as error:
            return msgspec.structs.replace(route, notices=[error.message]), []
        if rule.is_empty:
            return route, []
        notices: list[str] = []
        text = rule.text()
        found: dict[str, Version] = {}

        def shares(wanted: Mapping[str, float]) -> list[Share]:
            made = []
            for selector, weight in wanted.items():
                if (main.name, text, selector) in self._left_out:
                    continue
                try:
                    version = self._of(main.name, selector)
                except AssayError as error:
                    notices.append(f"{selector}: {error.message}")
                    continue
                if version.key != main.key:
                    found[version.key] = version
                    made.append(Share(version.key, weight, selector))
            return made

        changed = msgspec.structs.replace(
            route,
            canaries=shares(rule.canaries),
            shadows=shares(rule.shadows),
            abort=rule.abort,
            sticky=rule.sticky,
        )
        return msgspec.structs.replace(changed, notices=notices), list(found.values())

    def abort(self, name: str, selector: str, reason: str) -> None:
        """Take a canary or shadow out of the rule of a model, in the registry's own record.

        What can't be written there counts here all the same, until the rule changes.

        Raises:
            AssayError: the registry can't be reached.
        """
        rule = traffic_of(name)
        self._left_out.add((name, rule.text(), selector))
        if selector in rule.canaries or selector in rule.shadows:
            end_trial(name, selector, reason=f"taken out by the server that tried it: {reason}")

    def _version(self, target: Target) -> Version:
        if not names_version(target.uri):
            return self._remembered(target.uri, target.name, None)
        return self._of(*parse_version_uri(target.uri))

    def _of(self, name: str, selector: str) -> Version:
        found = find_version(client_for().store, name, selector)
        number = str(found.version)
        uri = f"models:/{name}/{number}"
        try:
            return self._remembered(uri, name, number)
        except StoreUnavailable:
            raise
        except AssayError as error:
            raise NotFetched(uri, name, number, error) from error

    def _remembered(self, uri: str, name: str, number: str | None) -> Version:
        known = self._known.get(uri)
        if known is None:
            place = self._place(uri)
            # Such as an image has: a folder that was a version where it came from.
            noted = registered_meta.read(place.folder) if is_local(uri) else None
            known = self._known[uri] = Version(
                key=f"{uri}#{_digest(place)}",
                name=name if noted is None else noted.name,
                version=number,
                noted=None if noted is None else noted.version,
                model_id=logged_model_id(uri) if uri.startswith(("models:", "runs:")) else None,
                folder=str(place.folder.resolve()),
                origin=place.origin,
            )
        return known

    def _place(self, uri: str) -> Place:
        failed_at, error = self._failed.get(uri, (-_AGAIN_S, None))
        if error is not None and time.monotonic() - failed_at < _AGAIN_S:
            raise error
        try:
            place = find_signed_model(uri, require_signature=self._require_signature or None)
        except StoreUnavailable:
            raise
        except AssayError as found:
            self._failed[uri] = (time.monotonic(), found)
            raise
        self._failed.pop(uri, None)
        return place


def _check_registered(uri: str) -> None:
    if not names_version(uri):
        raise InvalidInput(
            "Only versions of the registry are loaded: models:/<name>/<version>,"
            f" models:/<name>/<stage> or models:/<name>@<alias>, not {uri[:200]!r}."
        )
    parse_version_uri(uri)


def _digest(place: Place) -> str:
    """Of the model's digests; of its folder's name where it has none."""
    file = place.folder / digests.FILE
    content = file.read_bytes() if file.is_file() else str(place.folder).encode()
    return hashlib.sha256(content).hexdigest()[:12]


def _name_of(uri: str) -> str:
    if names_version(uri):
        return parse_version_uri(uri)[0]
    if uri.startswith("models:/"):
        return uri.removeprefix("models:/").strip("/").split("/")[0]
    return Path(uri.rstrip("/")).name or "model"
