"""Spark ML models: ``assay.spark.log_model(pipeline_model, input_example=pandas_frame)``."""

from __future__ import annotations

from assay.fluent.model_face import Face

_face = Face("spark")
save_model = _face.save_model
log_model = _face.log_model
load_model = _face.load_model

__all__ = ["load_model", "log_model", "save_model"]
