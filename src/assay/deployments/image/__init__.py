"""Images: a model, what it needs and a server in one container image, made the same each time."""
