"""Finding faces, bodies, people and animal heads. The only room that knows MediaPipe."""
