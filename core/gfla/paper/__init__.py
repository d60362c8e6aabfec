"""The paper: networks, losses, training recipes, structures, conversion of published files, and its measures."""
