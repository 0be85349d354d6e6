"""What a run captures by itself: source, git state, packages, hardware."""
