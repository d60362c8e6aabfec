"""What is ours and not the paper's: one room per method, each with a README."""
