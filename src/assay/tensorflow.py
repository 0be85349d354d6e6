"""TensorFlow models: ``assay.tensorflow.log_model(model, name="model", input_example=X[:5])``."""

from __future__ import annotations

from assay.fluent.model_face import Face

_face = Face("tensorflow")
save_model = _face.save_model
log_model = _face.log_model
load_model = _face.load_model

__all__ = ["load_model", "log_model", "save_model"]
