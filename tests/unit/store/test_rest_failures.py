from __future__ import annotations

import json

import pytest

from assay import errors
from assay.store.rest.failures import failure


def said(error_code: str, message: str, *, status: int = 400) -> errors.AssayError:
    body = json.dumps({"error_code": error_code, "message": message}).encode()
    return failure(status, body, server="http://lab")


@pytest.mark.parametrize(
    ("code", "original"),
    [
        ("RESOURCE_DOES_NOT_EXIST", errors.RunNotFound("abc")),
        ("RESOURCE_DOES_NOT_EXIST", errors.ExperimentNotFound("é 7")),
        ("RESOURCE_DOES_NOT_EXIST", errors.TagNotFound("run", "abc", "a tag")),
        ("RESOURCE_DOES_NOT_EXIST", errors.LoggedModelNotFound("m-1")),
        ("RESOURCE_DOES_NOT_EXIST", errors.RegisteredModelNotFound("net é 7")),
        ("RESOURCE_DOES_NOT_EXIST", errors.ModelVersionNotFound("net", 3)),
        ("RESOURCE_DOES_NOT_EXIST", errors.RegistryItemNotFound("request", "r-1")),
        ("INVALID_PARAMETER_VALUE", errors.AliasNotFound("net", "champion")),
        ("INVALID_PARAMETER_VALUE", errors.InvalidPolicy("to.Production", "no gates")),
        ("PERMISSION_DENIED", errors.TransitionRefused("Moving version 1", ["no", "never"])),
        (
            "RESOURCE_CONFLICT",
            errors.TransitionConflict("net", "Production", expected=[1], found=[]),
        ),
        ("INVALID_PARAMETER_VALUE", errors.InactiveResource("run", "abc")),
        ("INVALID_PARAMETER_VALUE", errors.InvalidFilter("a > ", 4, "a value is missing")),
        ("INVALID_PARAMETER_VALUE", errors.InvalidPageToken()),
        ("INVALID_PARAMETER_VALUE", errors.ParamChanged("r", "lr", old="1", new="2")),
        ("RESOURCE_ALREADY_EXISTS", errors.AlreadyExists("experiment", "x")),
        ("RESOURCE_CONFLICT", errors.Conflict("changed")),
        ("TEMPORARILY_UNAVAILABLE", errors.StoreUnavailable("later")),
        ("PERMISSION_DENIED", errors.PermissionDenied("no")),
    ],
)
def test_our_own_messages_come_back_as_the_class_that_wrote_them(
    code: str, original: errors.AssayError
) -> None:
    again = said(code, original.message)
    assert type(again) is type(original)
    assert again.message == original.message


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("RESOURCE_DOES_NOT_EXIST", "No Experiment with id=77 exists", errors.ExperimentNotFound),
        (
            "RESOURCE_DOES_NOT_EXIST",
            "Could not find experiment with name 'zz'",
            errors.ExperimentNotFound,
        ),
        (
            "INVALID_PARAMETER_VALUE",
            "Changing param values is not allowed. Params were already logged='[...]'",
            errors.ParamChanged,
        ),
        (
            "INVALID_PARAMETER_VALUE",
            "Invalid clause(s) in filter string: 'a'",
            errors.InvalidFilter,
        ),
        ("RESOURCE_DOES_NOT_EXIST", "something new", errors.NotFound),
    ],
)
def test_the_words_of_mlflow_are_understood(
    code: str, message: str, kind: type[errors.AssayError]
) -> None:
    assert type(said(code, message)) is kind


def test_facts_are_read_from_the_message() -> None:
    error = said("RESOURCE_DOES_NOT_EXIST", "Run with id=abc not found", status=404)
    assert isinstance(error, errors.RunNotFound)
    assert error.run_id == "abc"


def test_the_reasons_of_a_refusal_are_read_from_the_message() -> None:
    original = errors.TransitionRefused(
        "Moving version 3 of 'm' to Production",
        ["val_accuracy is 0.91, not at least 0.95", "1 of 2 approvals"],
        hint="Make a request: assay registry promote m --version 3.",
    )
    error = said("PERMISSION_DENIED", original.message, status=403)
    assert isinstance(error, errors.TransitionRefused)
    assert (error.what, error.reasons, error.hint) == (
        original.what,
        original.reasons,
        original.hint,
    )


def test_the_holders_of_a_conflict_are_read_from_the_message() -> None:
    original = errors.TransitionConflict("m", "Production", expected=[], found=[3, 12])
    error = said("RESOURCE_CONFLICT", original.message, status=409)
    assert isinstance(error, errors.TransitionConflict)
    assert (error.name, error.target) == ("m", "Production")
    assert (error.expected, error.found) == ([], [3, 12])


def test_the_class_named_by_an_assay_server_wins_over_the_wording() -> None:
    body = json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": "new words"}).encode()
    error = failure(400, body, class_name="LimitExceeded", server="http://lab")
    assert type(error) is errors.LimitExceeded
    assert str(error) == "new words"


def test_a_named_class_carries_its_facts_too() -> None:
    body = json.dumps(
        {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": errors.RunNotFound("abc").message}
    ).encode()
    error = failure(404, body, class_name="RunNotFound")
    assert isinstance(error, errors.RunNotFound)
    assert error.run_id == "abc"


def test_a_class_name_that_is_none_of_ours_is_ignored() -> None:
    body = json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": "m"}).encode()
    assert type(failure(400, body, class_name="os.system")) is errors.InvalidInput


def test_a_full_disk_of_the_server_is_told() -> None:
    assert type(said("TEMPORARILY_UNAVAILABLE", "full", status=507)) is errors.StoreFull


def test_an_unknown_code_keeps_code_and_status() -> None:
    error = said("SOMETHING_ODD", "well", status=418)
    assert isinstance(error, errors.RemoteError)
    assert (error.remote_code, error.remote_status) == ("SOMETHING_ODD", 418)


def test_a_foreign_page_is_quoted_without_its_markup() -> None:
    error = failure(404, b"<html><h1>Not\nhere</h1></html>", server="http://lab")
    assert isinstance(error, errors.RemoteError)
    assert str(error) == "http://lab answered HTTP 404: Not here"


def test_a_refusal_without_protocol_says_how_to_sign_in() -> None:
    error = failure(401, b"", server="http://lab")
    assert isinstance(error, errors.PermissionDenied)
    assert "ASSAY_TRACKING_TOKEN" in str(error)


def test_the_database_of_mlflow_is_not_quoted() -> None:
    error = said("RESOURCE_ALREADY_EXISTS", "Experiment(name=x) already exists.\n[SQL: INSERT]")
    assert "SQL" not in str(error)
