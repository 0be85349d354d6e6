"""The prediction log: noted by workers, written by their supervisor, read for reports."""
