"""Where the examples lie: our own pictures, rendered by us, CC0."""

from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
HEADS = EXAMPLES / "heads"
PEOPLE = EXAMPLES / "people"
PETS = EXAMPLES / "pets"
