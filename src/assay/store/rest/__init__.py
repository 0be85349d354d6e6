"""The REST store: a thin client of a server, Assay or MLflow."""
