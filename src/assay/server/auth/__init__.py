"""Sign-in by API tokens: the gate of a server that was started with ``--auth tokens``."""
