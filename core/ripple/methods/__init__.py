"""Our own methods, one room each."""
