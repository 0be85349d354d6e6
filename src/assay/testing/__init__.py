"""Contract classes and strategies, shipped for authors of stores and artifact stores."""
