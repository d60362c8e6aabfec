"""Photos to drawings by image processing; see README.md."""
