"""Toons that start from filters; see README.md."""
