"""Kubernetes manifests: typed structs, made from settings, and written as YAML."""
