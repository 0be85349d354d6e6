"""Forms of metric points: segments, blocks, summaries and buckets. Pure functions of arrays."""
