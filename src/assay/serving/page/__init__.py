"""The page to try a model, and the description of what may be asked."""
