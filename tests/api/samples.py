"""One small call per endpoint. A tab adds its own here; `test_every_endpoint.py` fails for an endpoint without one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from core.image import load_image
from core.video import write_video
from tests.conftest import HEADS, ROOT

PEOPLE = ROOT / "core/ui/examples/people"
PICTURES = ROOT / "core/ui/examples/pictures"


@dataclass(frozen=True)
class File:
    """A file of `files(folder)`, sent as the way of calling wants it."""

    name: str


@dataclass(frozen=True)
class Sample:
    """What to send, the record that must lie in `weights/`, and the words of the answer where it must be a refusal."""

    send: dict[str, Any]
    needs: str = ""
    refusal: str = ""


A, B, PERSON, PET, CLIP, MASK = (File(name) for name in ("a", "b", "person", "pet", "clip", "mask"))
PAIR = {"picture_a": A, "picture_b": B}
PETS = {"needs": "crossbreed-pets"}
RIPPLE = {"needs": "ripple-preview"}
OBJECT = {"kind": "car", "find_side": False, "side_px": 64, "frames": 2, "tries": 4}
PEOPLE_WEIGHTS = {"needs": "gfla-people"}

SAMPLES = {
    "/implicit_morph": Sample({**PAIR, "size_px": 64, "frames": 3}),
    "/implicit_frame": Sample({**PAIR, "size_px": 64, "shape": 0.4}),
    "/implicit_chain": Sample({"files": [A, B, A], "closed": True, "size_px": 64, "frames": 3}),
    "/implicit_average": Sample({"files": [A, B], "size_px": 64}),
    "/implicit_landmarks": Sample({"picture": A}),
    "/crossbreed_morph": Sample({**PAIR, "files": None, "crop": "middle", "frames": 3}, **PETS),
    "/crossbreed_grid": Sample({**PAIR, "crop": "middle", "count": 2}, **PETS),
    "/crossbreed_clip": Sample({"clip": CLIP, "factor": 2}, **PETS),
    "/crossbreed_frame": Sample({**PAIR, "crop": "middle", "shape": 0.2}, **PETS),
    "/crossbreed_head": Sample({"picture": PET}, **PETS),
    "/sdl_transition": Sample({"job": "morph", "first": A, "second": B, "frames": 3}, needs="sdl-morph"),
    "/sdl_rate": Sample({"video": CLIP, "factor": 2}, needs="sdl-vfi"),
    "/sdl_frame": Sample({"job": "toon", "first": A, "second": None, "t": 0.5}),
    "/ripple_video": Sample({"picture": A, "frames": 2}, **RIPPLE),
    "/ripple_edit": Sample({"picture": A, "degree": 1.0}, **RIPPLE),
    "/ripple_animate": Sample({"picture": A, "driving": CLIP}, **RIPPLE),
    "/ripple_remove": Sample(
        {
            "picture": {"background": A, "layers": [MASK], "composite": A},
            "inpainter": "opencv",
            "grow_px": 2,
            "feather_px": 2,
        }
    ),
    "/gfla_video": Sample({"picture": PERSON, "target_picture": None, "driving": None, "frames": 2}, **PEOPLE_WEIGHTS),
    "/gfla_further": Sample({"picture": A, "driving": CLIP, "mode": "face"}, refusal="gfla-face"),
    "/gfla_turn": Sample({"picture": PERSON, **OBJECT}),
    "/gfla_turntable": Sample({"picture": PERSON, **OBJECT}),
    "/gfla_frame": Sample({"picture": PERSON, "target_picture": None}, **PEOPLE_WEIGHTS),
    "/gfla_keypoints": Sample({"picture": PERSON}, **PEOPLE_WEIGHTS),
    "/compare_engines": Sample({**PAIR, "chosen": ["implicit", "fade"], "frames": 2, "size_px": 64}),
}


def files(folder: Path) -> dict[str, Path]:
    """The files that samples send, small ones of ours."""
    heads, people = sorted(HEADS.glob("*.jpg")), sorted(PEOPLE.glob("*.jpg"))
    stills = [load_image(head).resize((96, 96)) for head in heads[:3]]
    clip = write_video(stills, folder / "clip.mp4", 12)
    mask = Image.new("RGBA", load_image(heads[0]).size)
    mask.paste((255, 0, 0, 255), (40, 40, 80, 80))
    mask.save(folder / "mask.png")
    pet = PICTURES / "beagle.jpg"
    return {"a": heads[0], "b": heads[1], "person": people[0], "pet": pet, "clip": clip, "mask": folder / "mask.png"}


def filled(value: Any, send: Any) -> Any:
    """A sample's value with every `File` replaced by `send(name)`."""
    if isinstance(value, File):
        return send(value.name)
    if isinstance(value, dict):
        return {key: filled(inner, send) for key, inner in value.items()}
    return [filled(inner, send) for inner in value] if isinstance(value, list) else value
