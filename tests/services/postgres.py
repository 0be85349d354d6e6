"""Real components for tests."""
