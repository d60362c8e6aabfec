"""A photographed head measured and moved as one surface with what lies around it: nothing is torn, nothing filled."""
