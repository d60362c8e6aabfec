"""Turning the head of the picture itself: a flow from the measured head, and a painter for what no flow can show."""
