"""The published systems: HFGI with StyleGAN2 and e4e, Graphonomy, LaMa, and the masks of the thesis that joined them."""
