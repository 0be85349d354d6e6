"""Datasets: what a run read, told by name, digest, schema, profile and source.

``from_numpy``, ``from_pandas``, ``from_polars``, ``from_csv`` and ``from_parquet`` describe data
without keeping it; ``assay.log_input`` records the description with the run. The JSON forms are
MLflow's, so either program's page shows what the other logged. Digests are SHA-256 of the whole
content, cut to 16 hex digits: the same data gives the same digest, whatever it was read from in the
same form.
"""

from __future__ import annotations

from assay.data.arrays import NumpyDataset, from_numpy
from assay.data.dataset import Dataset
from assay.data.files import FileDataset, from_csv, from_parquet, load
from assay.data.frames import PandasDataset, PolarsDataset, from_pandas, from_polars
from assay.data.sources import DatasetSource, get_source

__all__ = [
    "Dataset",
    "DatasetSource",
    "FileDataset",
    "NumpyDataset",
    "PandasDataset",
    "PolarsDataset",
    "from_csv",
    "from_numpy",
    "from_pandas",
    "from_parquet",
    "from_polars",
    "get_source",
    "load",
]
