"""Refinement of the interpolated frame at full resolution; see README.md."""
