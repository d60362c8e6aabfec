"""Large pictures in tiles; see README.md."""
