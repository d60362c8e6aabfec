"""A photo's person as a puppet of layers, moved limb by limb in the photo itself. See README.md."""
