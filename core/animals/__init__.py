"""Heads of cats and dogs: found, brought into line and mixed. Systems that morph animals share this room."""

# Room around a head, in head sizes, with which the points were trained.
HEAD_MARGIN = 0.25
