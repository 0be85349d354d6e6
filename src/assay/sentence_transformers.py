"""Text embeddings: ``assay.sentence_transformers.log_model(model, input_example=["text"])``."""

from __future__ import annotations

from assay.fluent.model_face import Face

_face = Face("sentence_transformers")
save_model = _face.save_model
log_model = _face.log_model
load_model = _face.load_model

__all__ = ["load_model", "log_model", "save_model"]
