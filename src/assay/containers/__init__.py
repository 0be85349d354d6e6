"""Containers: what this machine has to build images, to run them, and to reach a cluster.

Docker, Podman, Buildah and ``kubectl`` are run as programs with argument lists; what they print is
read, never shown raw. What runs in a container is decided above: by ``assay.deployments`` and by
``assay.projects``.
"""
