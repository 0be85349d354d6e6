"""The HTTP server: translates requests to store calls, nothing more."""
