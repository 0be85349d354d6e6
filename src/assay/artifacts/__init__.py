"""Files of runs and models: one interface over folders, object stores and the server's proxy."""
