"""The fluent API: the functions that training scripts call."""
