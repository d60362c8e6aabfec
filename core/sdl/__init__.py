"""Continuous image transition by space decoupling: one network for interpolation, morphing, ageing, toons and style.

Source: Yang et al. 2022, "Beyond a Video Frame Interpolator: A Space Decoupled Learning Approach to Continuous Image
Transition", arXiv 2203.09771.
"""
