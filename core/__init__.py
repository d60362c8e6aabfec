"""Morphospace: five published image-metamorphosis systems behind one contract.

`docs/adding-a-system.md` is the map of this package. Importing it costs nothing: no torch, no
download, no device.
"""

__version__ = "0.1.0"
