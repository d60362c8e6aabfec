"""Our own work on top of the paper; each room has a README that says what it gains."""
