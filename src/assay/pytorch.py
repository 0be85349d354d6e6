"""PyTorch models: ``assay.pytorch.log_model(model, name="model", input_example=X[:5])``."""

from __future__ import annotations

from assay.fluent.model_face import Face
from assay.fluent.pytorch_state import load_state_dict, log_state_dict, save_state_dict

_face = Face("pytorch")
save_model = _face.save_model
log_model = _face.log_model
load_model = _face.load_model

__all__ = [
    "load_model",
    "load_state_dict",
    "log_model",
    "log_state_dict",
    "save_model",
    "save_state_dict",
]
