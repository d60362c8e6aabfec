"""Perceptual losses without a trained network. See README.md."""
