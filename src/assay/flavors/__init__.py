"""Flavors: how models of each framework become files and objects again.

One file a framework, each an implementation of ``assay.flavors.base.Flavor``; a framework is
imported only in its own file, and only when a model of it is saved or loaded.
"""
