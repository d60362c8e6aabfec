"""Ageing by geometry and image processing; see README.md."""
