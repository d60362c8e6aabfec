"""Style transfer by a conditioned painter; see README.md."""
