"""Pose-guided generation: texture of a source picture moved into a target structure by global flow and local attention.

Source: Ren, Yu, Chen, Li, Li, "Deep Image Spatial Transformation for Person Image Generation", CVPR 2020.
"""
