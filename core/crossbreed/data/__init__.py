"""What the trainer learns from: labelled photos, aligned heads, sequences of pictures, a teacher's inventions."""
