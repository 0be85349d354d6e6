"""Processes: the supervisor, its workers, and the plans that they carry out together."""
