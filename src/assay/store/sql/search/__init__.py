"""Search in SQL: queries to ids in order, and whole tables of runs."""
