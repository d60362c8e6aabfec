"""MediaPipe's graphs behind one door: made on first use, shared by all threads, silent.

Release 0.10.21 is the last whose wheel carries the models, so nothing is downloaded. A later release or another
engine replaces this file; what the other files of this room read are its results.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

_LOCK = threading.Lock()
_HEARD: set[str] = set()
MAX_FACES = 10
NATIVE_LOG = re.compile(rb"[IWE]\d{4} |(INFO|WARNING): (Created TensorFlow|All log messages)")


def face_mesh(picture: Image.Image) -> Any:
    """MediaPipe's face meshes (478 points with irises) of an RGB picture."""
    options = {"max_num_faces": MAX_FACES, "refine_landmarks": True, "min_detection_confidence": 0.5}
    return _run("face_mesh", "FaceMesh", picture, static_image_mode=True, **options)


def face_boxes(picture: Image.Image) -> Any:
    """MediaPipe's face detections, by the model that sees small faces."""
    return _run("face_detection", "FaceDetection", picture, model_selection=1, min_detection_confidence=0.5)


def pose(picture: Image.Image) -> Any:
    """MediaPipe's 33 body landmarks of the most visible person."""
    # The other complexities would be downloaded.
    return _run("pose", "Pose", picture, static_image_mode=True, model_complexity=1, min_detection_confidence=0.5)


def hands(picture: Image.Image) -> Any:
    """MediaPipe's hands, two at most."""
    options = {"max_num_hands": 2, "model_complexity": 1, "min_detection_confidence": 0.5}
    return _run("hands", "Hands", picture, static_image_mode=True, **options)


def selfie(picture: Image.Image) -> Any:
    """MediaPipe's person mask."""
    return _run("selfie_segmentation", "SelfieSegmentation", picture, model_selection=0)


def _run(module: str, name: str, picture: Image.Image, **options: Any) -> Any:
    array = np.ascontiguousarray(picture.convert("RGB"))
    with _LOCK:
        # A graph talks when it is made and when it first finds something.
        with native_log_dropped() if module not in _HEARD else contextlib.nullcontext():
            answer = _graph(module, name, tuple(options.items())).process(array)
        if any(getattr(answer, field) is not None for field in answer._fields):
            _HEARD.add(module)
    return answer


@cache
def _graph(module: str, name: str, options: tuple[tuple[str, Any], ...]) -> Any:
    solution = importlib.import_module(f"mediapipe.python.solutions.{module}")
    return getattr(solution, name)(**dict(options))


@contextlib.contextmanager
def native_log_dropped() -> Iterator[None]:
    """Standard error without MediaPipe's log; what others write there meanwhile comes a moment later.

    Native code logs to file descriptor 2, before its log level can be set, and a process has only one of those.
    """
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            caught.seek(0)
            for line in caught:
                if not NATIVE_LOG.match(line):
                    os.write(kept, line)
            os.close(kept)
