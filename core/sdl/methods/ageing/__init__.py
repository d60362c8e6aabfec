"""Ageing of one face; see README.md."""
