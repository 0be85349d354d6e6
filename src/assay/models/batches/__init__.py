"""Batches: prediction of whole files in constant memory, by one process or several."""
