"""Training runs: the paper's objective and ours, and the detectors of pets."""
