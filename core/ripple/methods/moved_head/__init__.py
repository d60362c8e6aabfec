"""A photographed head as a layer of its own: measured, matted, moved as a surface and laid over a filled background."""
