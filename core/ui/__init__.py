"""The browser interface: the only room that imports gradio."""

import os
import tempfile
from pathlib import Path

# gradio reads these when it is imported. A folder of our own, because what grows old in it is deleted.
os.environ.setdefault("GRADIO_TEMP_DIR", str(Path(tempfile.gettempdir()) / "morphospace-uploads"))
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
