"""The paper alone: networks, losses, training, inference, blending, its files and its landmarks."""
