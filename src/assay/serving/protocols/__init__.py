"""Protocols: how requests for predictions are written, and answers."""
