"""Training pictures."""
