"""The search language: grammar, tree, parser, page tokens. Knows nothing of SQL."""
