"""Thin structures that optical flow loses; see README.md."""
