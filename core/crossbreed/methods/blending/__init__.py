"""Mixtures with the detail of one picture in each place, and with one silhouette."""
