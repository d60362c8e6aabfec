"""Morphing two photographs with a neural implicit warp (Schardong et al., CVPR 2024), and a fast flow that replaces it."""
