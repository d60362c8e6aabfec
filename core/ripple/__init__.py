"""Ripple-free pose editing: invert a face, turn it, find the ripple that stays behind, and repaint it."""
