"""Chairs and cars as models of boxes and posts, fitted to a picture: see README.md."""
