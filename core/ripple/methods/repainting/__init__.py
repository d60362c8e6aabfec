"""Cleaning better than the thesis: a mask of what was uncovered, hidden persons, soft seams, untouched pixels."""
