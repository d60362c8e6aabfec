"""Space Decoupled Learning: the app of this Space."""

# The Hub's package must come before torch and gradio: it prepares ZeroGPU.
import spaces  # noqa: F401  isort: skip

from core.ui.build import build_demo, launch

demo = build_demo(["sdl"])

if __name__ == "__main__":
    launch(demo)
