"""Training runs of all jobs: the paper's objectives on our data, and the objectives of our own networks."""
