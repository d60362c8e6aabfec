"""Heads of cats and dogs found, their landmarks brought to a common place and back."""
