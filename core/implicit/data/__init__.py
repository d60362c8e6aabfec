"""Fitted morphs as folders."""
