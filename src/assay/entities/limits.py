"""The sizes that entities may have: MLflow's limits, because its clients are written against
them.
"""

from __future__ import annotations

from typing import Final

MAX_KEY_LENGTH: Final = 250
"""Characters of a metric, param or tag key."""
MAX_PARAM_VALUE_LENGTH: Final = 6_000
"""Characters of a param's value; MLflow's server cuts longer ones
(``MLFLOW_TRUNCATE_LONG_VALUES``).
"""
MAX_TAG_VALUE_LENGTH: Final = 8_000
"""Characters of a run tag's value; longer ones are cut as well."""
MAX_EXPERIMENT_TAG_VALUE_LENGTH: Final = 20_000
"""Characters of an experiment tag's value; longer ones are refused."""
MAX_EXPERIMENT_NAME_LENGTH: Final = 500
MAX_RUN_NAME_LENGTH: Final = 250
MAX_DATASET_SOURCE_LENGTH: Final = 65_535
MAX_DATASET_SCHEMA_LENGTH: Final = 1_048_575
MAX_DATASET_PROFILE_LENGTH: Final = 16_777_215

MAX_BATCH_METRICS: Final = 1_000
MAX_BATCH_PARAMS: Final = 100
MAX_BATCH_TAGS: Final = 100
MAX_BATCH_ITEMS: Final = 1_000
"""Metrics, params and tags of one ``log-batch`` request together."""
MAX_SEARCH_RESULTS: Final = 50_000
"""Largest ``max_results`` of a search for runs (MLflow: ``SEARCH_MAX_RESULTS_THRESHOLD``)."""
