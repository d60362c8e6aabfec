"""Training runs: which data, which recipe, what is exported."""
