"""Morphs of cats and dogs."""
