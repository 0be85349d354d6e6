"""Analysis: what is computed over many runs for a page of the web interface."""
