"""Data sets of frame sequences and the makers of them.

Makers take the data pack's folder `source`, the root `out` to fill, the `count` of sequences, the side of their frames and
the seed of every random choice.
"""

# For image-to-image, which frames of a sequence make a pair; see `datasets.choose_directed`.
DIRECTIONS = ("published", "forward", "signed")
