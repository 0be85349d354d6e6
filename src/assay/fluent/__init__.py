"""The fluent API: the functions that training scripts call, as ``assay.start_run`` and so on.

What is logged goes to the journal of this process and returns at once; the shipper delivers it.
What is read is read from the store, after everything logged before has been delivered. Names and
meanings are those of MLflow 3; what goes beyond them says so.
"""
