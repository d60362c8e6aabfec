"""Limb layers: the source's limbs, each moved rigidly, blended by a learned choice. See README.md."""
