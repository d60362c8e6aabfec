"""Data sets of frame sequences and the makers of them."""

# For image-to-image, which frames of a sequence make a pair; see `datasets.choose_directed`.
DIRECTIONS = ("published", "forward", "signed")
