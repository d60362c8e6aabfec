"""Many pairs at once."""
