"""Colours carried from animal to animal and from background to background."""
