"""What only goldens of the published implicit morph need."""
