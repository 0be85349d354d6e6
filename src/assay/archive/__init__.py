"""Archives: runs and experiments as one portable file, written from any store and read into any
other.

The format is a ZIP of JSON, Parquet and the files themselves: docs/formats/archive.md.
"""
