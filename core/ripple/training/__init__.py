"""Training of our own networks, and every trainer by name."""
