"""The paper alone: network, losses, training steps, converter, its command line and its evaluation."""
