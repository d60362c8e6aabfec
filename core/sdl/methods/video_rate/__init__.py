"""Videos at a higher frame rate; see README.md."""
