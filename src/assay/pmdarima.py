"""pmdarima models: ``assay.pmdarima.log_model(model, name="model")``."""

from __future__ import annotations

from assay.fluent.model_face import Face

_face = Face("pmdarima")
save_model = _face.save_model
log_model = _face.log_model
load_model = _face.load_model

__all__ = ["load_model", "log_model", "save_model"]
