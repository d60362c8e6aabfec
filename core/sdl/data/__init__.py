"""Data sets of frame sequences and the makers of them."""
