"""Video in and out, by time stamps: a clip's own colours, shape, clock and sound come back out.

`read_video` answers with upright sRGB pictures of square pixels, each with the time that it is shown; `write_video` takes
pictures, with times or at an even rate. Every file written says that a machine made it and carries its settings.
"""

from core.encoding import Encoding
from core.video.reader import Clip, TimedFrame, read_video
from core.video.settings import FORMATS, ORIGIN, describe, read_settings
from core.video.writer import write_picture, write_video

__all__ = [
    "FORMATS", "ORIGIN", "Clip", "Encoding", "TimedFrame", "describe", "read_settings", "read_video", "write_picture",
    "write_video",
]  # fmt: skip
