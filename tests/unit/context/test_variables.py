"""Which variables of the environment a run tells."""

from __future__ import annotations

import pytest

from assay.context.variables import variable_tags
from assay.errors import InvalidInput


def test_listed_variables_and_thread_counts_are_told_and_others_are_not() -> None:
    given = {"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "0", "AWS_SECRET_ACCESS_KEY": "x"}
    assert variable_tags(given) == {
        "assay.threads.OMP_NUM_THREADS": "2",
        "assay.env.PYTHONHASHSEED": "0",
    }


def test_more_names_are_told_on_request_but_never_a_secret() -> None:
    given = {
        "ASSAY_CAPTURE_ENV": "DATA_VERSION, MY_TOKEN,ENDPOINT,MISSING",
        "DATA_VERSION": "7",
        "MY_TOKEN": "s3cr3t",
        "ENDPOINT": "https://me:pw@host/x",
    }
    assert variable_tags(given) == {
        "assay.env.DATA_VERSION": "7",
        "assay.env.MY_TOKEN": "***",
        "assay.env.ENDPOINT": "https://***@host/x",
    }


def test_word_that_is_no_name_of_a_variable_is_refused() -> None:
    with pytest.raises(InvalidInput, match="ASSAY_CAPTURE_ENV has 'A B'"):
        variable_tags({"ASSAY_CAPTURE_ENV": "A B"})
