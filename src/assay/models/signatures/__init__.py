"""Signatures: what a model takes and gives, read from data and hints, and held against inputs."""
