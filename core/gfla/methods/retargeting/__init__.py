"""Pose retargeting: where a person stands, how other people's poses fit it, and poses between poses. See README.md."""
