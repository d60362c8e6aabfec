"""Several motion hypotheses per pixel for frame interpolation; see README.md."""
