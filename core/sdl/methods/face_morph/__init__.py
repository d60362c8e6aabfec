"""Morphs of two faces from landmarks; see README.md."""
