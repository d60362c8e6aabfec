"""A person cut out of its picture and laid back into it. See README.md."""
