"""Every error that Assay raises, as one family.

Each class carries MLflow's ``error_code`` and the HTTP status it travels with, takes facts rather
than
prose, and writes a message a person can act on. Most also inherit the natural builtin, so
``except KeyError`` or ``except FileNotFoundError`` do what a reader expects::

    AssayError
    ├── InvalidInput (ValueError)
    │   ├── InvalidName
    │   ├── InvalidFilter            where in the text, and what was expected
    │   ├── InvalidPageToken
    │   ├── LimitExceeded
    │   ├── ParamChanged
    │   ├── InactiveResource         deleted experiment or run written to
    │   ├── InvalidModel             a model folder that can't be read as one
    │   ├── SignatureMismatch        data or params that don't fit a model's signature
    │   ├── UnknownFlavor
    │   ├── AliasNotFound            MLflow answers a missing alias with 400
    │   └── InvalidPolicy            a policy that doesn't parse or contradicts itself
    ├── NotFound (KeyError)
    │   ├── ExperimentNotFound  RunNotFound  MetricNotFound  TagNotFound  LoggedModelNotFound
    │   ├── RegisteredModelNotFound  ModelVersionNotFound  RegistryItemNotFound
    │   └── ArtifactNotFound (FileNotFoundError)
    ├── AlreadyExists
    ├── Conflict
    │   └── TransitionConflict       the place of a version has changed hands meanwhile
    ├── PermissionDenied (PermissionError)
    │   ├── UntrustedModel           loading it would run code of others
    │   ├── UntrustedSignature       the signature that was asked for is missing or wrong
    │   └── TransitionRefused        a model's policy doesn't let a version move like this
    ├── StoreUnavailable (ConnectionError)
    ├── StoreFull (OSError)
    ├── SchemaMismatch
    ├── Corrupted
    ├── MissingExtra (ImportError)
    ├── MissingFramework (ImportError)
    ├── ThresholdsNotMet             a model was evaluated and is not good enough
    ├── EnvironmentFailed            a model's environment can't be made
    ├── ExecutionFailed              a project's command failed
    ├── PredictionsDiffer            a loaded model doesn't answer what it did when it was saved
    ├── PredictionFailed             rows of a file that a model can't predict
    ├── SweepFailed                  the first trials of a sweep all failed
    └── RemoteError                  an error code of a server that has no class here
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AliasNotFound",
    "AlreadyExists",
    "ArtifactNotFound",
    "AssayError",
    "Conflict",
    "Corrupted",
    "EnvironmentFailed",
    "ExecutionFailed",
    "ExperimentNotFound",
    "InactiveResource",
    "InvalidFilter",
    "InvalidInput",
    "InvalidModel",
    "InvalidName",
    "InvalidPageToken",
    "InvalidPolicy",
    "LimitExceeded",
    "LoggedModelNotFound",
    "MetricNotFound",
    "MissingExtra",
    "MissingFramework",
    "ModelVersionNotFound",
    "NotFound",
    "ParamChanged",
    "PermissionDenied",
    "PredictionFailed",
    "PredictionsDiffer",
    "RegisteredModelNotFound",
    "RegistryItemNotFound",
    "RemoteError",
    "RunNotFound",
    "SchemaMismatch",
    "SignatureMismatch",
    "StoreFull",
    "StoreUnavailable",
    "SweepFailed",
    "TagNotFound",
    "ThresholdsNotMet",
    "TransitionConflict",
    "TransitionRefused",
    "UnknownFlavor",
    "UntrustedModel",
    "UntrustedSignature",
]


class AssayError(Exception):
    """Root of the family. ``message`` is what a person reads; ``str()`` gives the same."""

    error_code: ClassVar[str] = "INTERNAL_ERROR"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders (joblib, DataLoader); the constructors take facts, not
        # messages.
        return (_restore, (type(self), self.message, dict(self.__dict__)))


def _restore(kind: type[AssayError], message: str, facts: dict[str, object]) -> AssayError:
    error = kind.__new__(kind, message)
    error.__dict__.update(facts)
    return error


class InvalidInput(AssayError, ValueError):
    """What came in can't be accepted; nothing was changed."""

    error_code = "INVALID_PARAMETER_VALUE"
    http_status = 400


class InvalidName(InvalidInput):
    """A name, key or path that breaks the rules of its kind."""

    def __init__(self, kind: str, name: str, why: str) -> None:
        shown = name if len(name) <= 80 else name[:77] + "..."
        super().__init__(f"Invalid {kind} {shown!r}: {why}.")
        self.kind, self.name, self.why = kind, name, why


class InvalidFilter(InvalidInput):
    """A filter or ``order_by`` that doesn't parse. ``position`` counts characters from 0."""

    def __init__(self, text: str, position: int, why: str) -> None:
        near = text[max(0, position - 20) : position + 20]
        super().__init__(f"Invalid filter at character {position} (near {near!r}): {why}.")
        self.text, self.position, self.why = text, position, why


class InvalidPageToken(InvalidInput):
    """A page token that this store never gave out, or gave out for another query."""

    def __init__(self, why: str = "it was not issued for this query") -> None:
        super().__init__(f"Invalid page token: {why}. Start again without a token.")


class LimitExceeded(InvalidInput):
    """A size, count or length above its limit."""

    def __init__(self, what: str, *, limit: int, got: int) -> None:
        super().__init__(f"{what} is limited to {limit}, got {got}.")
        self.what, self.limit, self.got = what, limit, got


class ParamChanged(InvalidInput):
    """A param is written once; this one was logged before with another value."""

    def __init__(self, run_id: str, key: str, *, old: str, new: str, owner: str = "run") -> None:
        super().__init__(
            f"Param {key!r} of {owner} {run_id} already has the value {old!r} and can't change to"
            f" {new!r}. Params are written once: log it under another key, or use a tag."
        )
        self.run_id, self.key, self.old, self.new = run_id, key, old, new


class InactiveResource(InvalidInput):
    """A write to something deleted, or a restore of something active."""

    def __init__(self, kind: str, ident: str, *, must_be: str = "active") -> None:
        now = "deleted" if must_be == "active" else "active"
        super().__init__(
            f"The {kind} {ident} must be in the {must_be!r} state. Current state is {now}."
        )
        self.kind, self.ident, self.must_be = kind, ident, must_be


class InvalidModel(InvalidInput):
    """A folder that is no model, or one that can't be read: damaged, newer, or leading out of
    itself.
    """

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where!r} can't be read as a model: {why}.")
        self.where, self.why = where, why


class SignatureMismatch(InvalidInput):
    """Data or params don't fit a model's signature. ``problems`` holds one sentence for each
    mismatch; the message shows the first ten.
    """

    MAX_SHOWN: ClassVar[int] = 10

    def __init__(self, problems: list[str], *, what: str = "data") -> None:
        shown = problems[: self.MAX_SHOWN]
        if len(problems) == 1:
            message = problems[0]
        else:
            more = len(problems) - len(shown)
            lines = [*shown, f"and {more} more."] if more else shown
            message = f"The {what} doesn't fit the model's signature:\n- " + "\n- ".join(lines)
        super().__init__(message)
        self.problems = problems


class UnknownFlavor(InvalidInput):
    """A model, or a caller, names a flavor that isn't installed."""

    def __init__(self, flavor: str, *, known: list[str]) -> None:
        super().__init__(
            f"There is no flavor {flavor!r}. Known are {', '.join(known)}; others come with"
            " packages that register the entry point 'assay.flavor'."
        )
        self.flavor = flavor


class AliasNotFound(InvalidInput):
    """The registered model has no such alias. MLflow answers this with HTTP 400."""

    def __init__(self, name: str, alias: str) -> None:
        super().__init__(f"Registered model alias {alias} not found.")
        self.name, self.alias = name, alias


class InvalidPolicy(InvalidInput):
    """A policy that doesn't parse or contradicts itself. ``where`` is the place in it, such as
    ``to.Production.gates[1]``.
    """

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"Invalid policy{' at ' + where if where else ''}: {why}.")
        self.where, self.why = where, why


class NotFound(AssayError, KeyError):
    """The thing named does not exist."""

    error_code = "RESOURCE_DOES_NOT_EXIST"
    http_status = 404


class ExperimentNotFound(NotFound):
    """No experiment with this id or name."""

    def __init__(self, ident: str) -> None:
        super().__init__(f"No experiment with id or name {ident!r} exists.")
        self.ident = ident


class RunNotFound(NotFound):
    """No run with this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"Run with id={run_id} not found.")
        self.run_id = run_id


class MetricNotFound(NotFound):
    """The run exists but never logged this metric."""

    def __init__(self, run_id: str, key: str) -> None:
        super().__init__(f"Run {run_id} has no metric {key!r}.")
        self.run_id, self.key = run_id, key


class TagNotFound(NotFound):
    """The tag to delete is not there."""

    def __init__(self, kind: str, ident: str, key: str) -> None:
        super().__init__(f"No tag with name: {key} in {kind} with id {ident}.")
        self.kind, self.ident, self.key = kind, ident, key


class LoggedModelNotFound(NotFound):
    """No logged model with this id."""

    def __init__(self, model_id: str) -> None:
        super().__init__(f"Logged model with ID '{model_id}' not found.")
        self.model_id = model_id


class RegisteredModelNotFound(NotFound):
    """No registered model with this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Registered Model with name={name} not found")
        self.name = name


class ModelVersionNotFound(NotFound):
    """The registered model has no such version."""

    def __init__(self, name: str, version: int | str) -> None:
        super().__init__(f"Model Version (name={name}, version={version}) not found")
        self.name, self.version = name, str(version)


class RegistryItemNotFound(NotFound):
    """No request, webhook, rule, deployment, user or token with this id."""

    def __init__(self, kind: str, ident: str) -> None:
        super().__init__(f"No {kind} {ident!r} exists.")
        self.kind, self.ident = kind, ident


class ArtifactNotFound(NotFound, FileNotFoundError):
    """No file or folder at this artifact path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"No artifact at {path!r}.")
        self.path = path


class AlreadyExists(AssayError):
    """The name is taken. MLflow answers this with HTTP 400, and its clients rely on it."""

    error_code = "RESOURCE_ALREADY_EXISTS"
    http_status = 400

    def __init__(self, kind: str, name: str, *, hint: str = "") -> None:
        super().__init__(
            f"{kind.capitalize()} {name!r} already exists.{' ' + hint if hint else ''}"
        )
        self.kind, self.name = kind, name


class Conflict(AssayError):
    """Somebody else changed the thing first; read it again and retry."""

    error_code = "RESOURCE_CONFLICT"
    http_status = 409


class TransitionConflict(Conflict):
    """A stage or alias changed hands since somebody decided about it; nothing was moved."""

    def __init__(self, name: str, target: str, *, expected: list[int], found: list[int]) -> None:
        def told(versions: list[int]) -> str:
            return ", ".join(map(str, versions)) or "no version"

        super().__init__(
            f"{target} of {name!r} is held by {told(found)}, not by {told(expected)} any more."
            " Look at it again, then make a new request."
        )
        self.name, self.target, self.expected, self.found = name, target, expected, found


class PermissionDenied(AssayError, PermissionError):
    """Known, but not allowed."""

    error_code = "PERMISSION_DENIED"
    http_status = 403


class UntrustedModel(PermissionDenied):
    """Loading the model would run code that somebody else may have put there."""

    def __init__(self, where: str, *, hazards: list[str]) -> None:
        super().__init__(
            f"Loading {where!r} would run code: {'; '.join(hazards)}. It was not made by you on"
            " this machine. Load it with trust=True (on the command line --trust) if you trust"
            " who made it, or have it saved in a format that runs no code."
        )
        self.where, self.hazards = where, hazards


class UntrustedSignature(PermissionDenied):
    """A model has no signature of a key that is trusted here, or its files aren't what was
    signed.
    """

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"The signature of {where!r} can't be trusted: {why}.")
        self.where, self.why = where, why


class TransitionRefused(PermissionDenied):
    """A model's policy doesn't let a version move like this. ``reasons`` holds a sentence for
    each.
    """

    def __init__(self, what: str, reasons: list[str], *, hint: str = "") -> None:
        super().__init__(f"{what} is refused: {'; '.join(reasons)}.{' ' + hint if hint else ''}")
        self.what, self.reasons, self.hint = what, reasons, hint


class StoreUnavailable(AssayError, ConnectionError):
    """The server or database can't be reached now; the same call may succeed later."""

    error_code = "TEMPORARILY_UNAVAILABLE"
    http_status = 503


class StoreFull(AssayError, OSError):
    """No space is left where the store writes; nothing of the request was kept."""

    error_code = "TEMPORARILY_UNAVAILABLE"
    http_status = 507


class SchemaMismatch(AssayError):
    """The database was written by another version of Assay."""

    def __init__(self, uri: str, *, found: str, expected: str) -> None:
        super().__init__(
            f"The database {uri} has schema {found}, this Assay needs {expected}."
            f" Run `assay db upgrade {uri}` (it writes a backup first where it can)."
        )
        self.uri, self.found, self.expected = uri, found, expected


class Corrupted(AssayError):
    """Stored bytes don't match their checksum or digest."""

    error_code = "DATA_LOSS"
    http_status = 500


class MissingExtra(AssayError, ImportError):
    """An optional package is needed for this; the message has the install line."""

    error_code = "BAD_REQUEST"
    http_status = 400

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}."
            f" Install it with: pip install 'assay[{extra}]'"
        )
        self.package, self.extra = package, extra


class MissingFramework(AssayError, ImportError):
    """A model's framework isn't installed here."""

    error_code = "BAD_REQUEST"
    http_status = 400

    def __init__(self, package: str, *, purpose: str, requirement: str = "") -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}."
            f" Install it with: pip install '{requirement or package}'"
        )
        self.package = package


class EnvironmentFailed(AssayError):
    """The environment that a model asks for can't be made here."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} can't be made: {why}")
        self.what, self.why = what, why


class ExecutionFailed(AssayError):
    """A project's command didn't end well; its run has the log."""

    error_code = "BAD_REQUEST"
    http_status = 400

    def __init__(self, run_id: str, status: str, reason: str = "") -> None:
        why = f": {reason.rstrip('.')}" if reason else ""
        super().__init__(
            f"Run {run_id} of the project ended as {status}{why}. `assay runs logs {run_id}` shows"
            " what it printed."
        )
        self.run_id, self.status, self.reason = run_id, status, reason


class PredictionsDiffer(AssayError):
    """A model's golden predictions were replayed, and it answered otherwise."""

    error_code = "DATA_LOSS"
    http_status = 500

    def __init__(self, where: str, differences: list[str]) -> None:
        shown = "; ".join(differences[:3])
        super().__init__(
            f"The model {where!r} doesn't answer what it did when it was saved: {shown}. Its"
            " environment may differ: `assay models verify --env` tells."
        )
        self.where, self.differences = where, differences


class PredictionFailed(AssayError):
    """A model fails at rows of a file; nothing was written. Rows count from 0, both ends are
    included.
    """

    error_code = "BAD_REQUEST"
    http_status = 400

    def __init__(self, where: str, first: int, last: int, why: str) -> None:
        super().__init__(f"Rows {first} to {last} of {where} can't be predicted: {why}")
        self.where, self.first, self.last, self.why = where, first, last, why


class ThresholdsNotMet(AssayError):
    """An evaluated model is not as good as was asked; everything was logged before."""

    error_code = "BAD_REQUEST"
    http_status = 400

    def __init__(self, failures: list[str], *, run_id: str | None = None) -> None:
        where = "" if run_id is None else f" The report is in run {run_id}."
        super().__init__(f"Thresholds are not met: {'; '.join(failures)}.{where}")
        self.failures, self.run_id = failures, run_id
        self.result: object = None
        """The ``EvaluationResult``, where ``assay.evaluate`` raised this."""


class SweepFailed(AssayError):
    """The first trials of a sweep all failed, so the rest wasn't tried; it can be resumed."""

    error_code = "BAD_REQUEST"
    http_status = 400

    def __init__(self, run_id: str, *, failures: int, why: str) -> None:
        super().__init__(f"The sweep stops, because all its {failures} trials failed: {why}")
        self.run_id, self.failures, self.why = run_id, failures, why


class RemoteError(AssayError):
    """What a server answered, where its code names no class of this family."""

    def __init__(self, message: str, *, error_code: str, http_status: int) -> None:
        super().__init__(message)
        self.remote_code, self.remote_status = error_code, http_status
