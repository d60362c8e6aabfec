"""Views of objects with the source's own colours: see README.md."""
