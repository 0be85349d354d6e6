"""Where runs are kept: one interface, over SQL or over HTTP."""
