"""Tensor operations that two systems share."""
