"""Headers: what a file says about itself, read without executing or loading anything of it.

Each format has one reader over an ``OpenedArtifact``. All are bounded: in bytes read, in entries
listed, in what is unpacked. A file that isn't what it seems yields less, never an error of ours.
"""
