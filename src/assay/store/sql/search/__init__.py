"""Search in SQL: queries to ids in order, and whole tables of runs."""

from __future__ import annotations

from assay.store.sql.search.experiments import search_experiments
from assay.store.sql.search.models import search_models
from assay.store.sql.search.run_table import run_table
from assay.store.sql.search.runs import search_runs

__all__ = ["run_table", "search_experiments", "search_models", "search_runs"]
