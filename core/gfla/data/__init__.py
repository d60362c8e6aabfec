"""Data sets: rendered people of ours, the published lists and clips, and whole test sets painted."""
