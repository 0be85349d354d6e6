"""Models of your own, and the face that models of all flavors share.

``assay.pyfunc.load_model(uri).predict(data)`` works for every model that can predict.
"""

from __future__ import annotations

from assay.fluent.load_model import load_pyfunc as load_model
from assay.fluent.map_batches import map_batches
from assay.fluent.pyfunc_face import add_to_model, log_model, save_model
from assay.fluent.spark_udf import spark_udf
from assay.models.pyfunc import PyFuncModel
from assay.models.python_model import PythonModel, PythonModelContext

__all__ = [
    "PyFuncModel",
    "PythonModel",
    "PythonModelContext",
    "add_to_model",
    "load_model",
    "log_model",
    "map_batches",
    "save_model",
    "spark_udf",
]
