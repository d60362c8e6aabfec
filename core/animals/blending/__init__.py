"""Photos of heads cut into layers, and mixtures of them."""
