"""What is ours: subclasses and helpers of `core.gfla.paper`, one folder with a README.md each."""
