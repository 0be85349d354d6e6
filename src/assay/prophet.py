"""Prophet models: ``assay.prophet.log_model(model, name="model", input_example=future)``."""

from __future__ import annotations

from assay.fluent.model_face import Face

_face = Face("prophet")
save_model = _face.save_model
log_model = _face.log_model
load_model = _face.load_model

__all__ = ["load_model", "log_model", "save_model"]
