"""A small SDL network that starts from its inputs; see README.md."""
