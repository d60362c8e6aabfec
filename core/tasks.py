"""The tasks that the five papers show: what answers here, which of the authors' weights do it too, a first example.

`docs/tasks.md` is written from this list by `python -m core tasks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PAPERS = {
    "implicit": "Neural Implicit Morphing of Face Images",
    "crossbreed": "Neural Crossbreed",
    "sdl": "Space Decoupled Learning",
    "ripple": "HFGI, Graphonomy and LaMa (ripple-free pose edit)",
    "gfla": "Deep Image Spatial Transformation (GFLA)",
}


@dataclass(frozen=True)
class Task:
    """One thing that a paper shows.

    Attributes:
        system: whose.
        what: it is.
        ours: what answers without fetching anything: shipped weights, or a method of ours; empty if nothing does.
        published: records of the authors' weights that do it; none where the paper needs no weights.
        example: a command, after `python -m core`; its input files are the reader's own.
    """

    system: str
    what: str
    ours: str
    published: tuple[str, ...]
    example: str

    @property
    def answers(self) -> str:
        """Shipped, published or both."""
        return " and ".join([*(["shipped"] if self.ours else []), *(["published"] if self.published else [])])


SDL_MORPHS = ("sdl-dog2dog-scale", "sdl-dog2dog-512", "sdl-cat2cat-scale", "sdl-cat2cat-512")
IMPLICIT = "fitted to each pair; no weights"
GEOMETRY = "the head's measured surface; no weights"
TASKS = (
    Task("implicit", "morph of two faces: warp and blend over time", IMPLICIT, (),
         "implicit video anna.jpg ben.jpg --out morph.mp4"),
    Task("implicit", "frames at chosen times with several ways of blending", IMPLICIT, (),
         "implicit render fits/anna-ben --timesteps 0 0.5 1 --blending-types linear max"),
    Task("implicit", "a film along a row of portraits, closed to a loop", IMPLICIT, (),
         "implicit chain anna.jpg ben.jpg cara.jpg --closed --out round.mp4"),
    Task("implicit", "the average of several faces", IMPLICIT, (),
         "implicit average anna.jpg ben.jpg cara.jpg --out mean.png"),
    Task("implicit", "Poisson blending: one face cloned into another head", IMPLICIT, (),
         "implicit poisson anna.jpg ben.jpg --gradient-transfer mixclone --background first --out clone.png"),
    Task("implicit", "a picture as a network (SIREN)", "fitted to each picture; no weights",
         ("implicit-frll", "implicit-frll-cropped"), "implicit image-fit anna.jpg --steps 2000 --dims 256 256 --out nets/"),
    Task("implicit", "faces found, aligned and cropped", "MediaPipe landmarks", (),
         "implicit align photos/ aligned/ --just-crop --output-size 1350"),
    Task("crossbreed", "morph of two animals", "weights/crossbreed-pets", ("crossbreed-dog",),
         "crossbreed morph cat.jpg dog.jpg --out morph.mp4 --frames 48"),
    Task("crossbreed", "shape and appearance apart: a grid", "weights/crossbreed-pets", ("crossbreed-dog",),
         "crossbreed grid cat.jpg dog.jpg --count 5 --tau 0"),
    Task("crossbreed", "appearance of one animal on another", "weights/crossbreed-pets", ("crossbreed-dog",),
         "crossbreed transfer cat.jpg dog.jpg --amount 1"),
    Task("crossbreed", "a way through several animals", "weights/crossbreed-pets", ("crossbreed-dog",),
         "crossbreed chain a.jpg b.jpg c.jpg --closed --out round.mp4"),
    Task("crossbreed", "frames between those of a clip", "weights/crossbreed-pets", ("crossbreed-dog",),
         "crossbreed interpolate cat.mp4 --factor 2 --out smooth.mp4"),
    Task("sdl", "frames between frames", "weights/sdl-vfi", ("sdl-vfi-perceptual", "sdl-vfi-psnr"),
         "sdl video --job interpolate one.png two.png --out between.mp4"),
    Task("sdl", "a film at a higher rate, or slower", "weights/sdl-vfi", ("sdl-vfi-perceptual", "sdl-vfi-psnr"),
         "sdl rate clip.mp4 --factor 4 --slow-motion --out slow.mp4"),
    Task("sdl", "morph of two heads", "weights/sdl-morph", SDL_MORPHS,
         "sdl video --job morph anna.jpg ben.jpg --out morph.mp4"),
    Task("sdl", "ageing", "face retouch; weights/sdl-ageing", ("sdl-aging-scale", "sdl-aging-512"),
         "sdl video --job age face.jpg --t-start -1 --out ageing.mp4"),
    Task("sdl", "a photo turned into a drawing", "drawing; weights/sdl-toon",
         ("sdl-toonification-scale", "sdl-toonification-512"), "sdl video --job toon photo.jpg --out toon.mp4"),
    Task("sdl", "the style of one picture on another", "weights/sdl-style", ("sdl-style-transfer-arbitrary",),
         "sdl video --job style photo.jpg painting.jpg --out styled.mp4"),
    Task("ripple", "a head turned", GEOMETRY, ("ripple-hfgi",),
         "ripple edit anna.jpg --degrees -20 -10 0 10 20 --out results"),
    Task("ripple", "expressions and age", f"{GEOMETRY}; age by image processing", ("ripple-hfgi",),
         "ripple edit anna.jpg --edit smile --degrees 1 --out results"),
    Task("ripple", "inversion: the portrait as a code", "weights/ripple-preview", ("ripple-hfgi",),
         "ripple invert anna.jpg --out inversion"),
    Task("ripple", "the ripple between a picture and its edit", "masks; no weights", (),
         "ripple mask original.png edited.png --rule xor --side left --out ripple.png"),
    Task("ripple", "parsing of people", "MediaPipe selfie segmentation", ("ripple-graphonomy",),
         "ripple parse photos/ --out labels --parser mediapipe"),
    Task("ripple", "large holes filled, things removed", "patches of the surroundings; no weights", ("ripple-lama",),
         "ripple inpaint room.jpg --mask room_mask.png --out clean.png"),
    Task("gfla", "a person in another pose", "weights/gfla-people, and the photo's own limbs",
         ("gfla-fashion", "gfla-market"), 'gfla generate me.jpg --pose "arms spread"'),
    Task("gfla", "a person dances as in a clip", "the photo's own limbs", ("gfla-dance-iper", "gfla-dance-fashion"),
         "gfla animate me.jpg dance.mp4 --out me-dancing.mp4"),
    Task("gfla", "a face follows a film", GEOMETRY, ("gfla-face",),
         "ripple animate anna.jpg talk.mp4 --out anna-talks.mp4"),
    Task("gfla", "chairs from other sides", "a model fitted to the picture; no weights", ("gfla-chair",),
         "gfla turn chair.png --out round.mp4"),
    Task("gfla", "cars from other sides", "a model fitted to the picture; no weights", ("gfla-car",),
         "gfla turn car.png --kind car --out round.mp4"),
    Task("gfla", "views on the authors' grid of 18 sides", "weights/gfla-views", ("gfla-chair", "gfla-car"),
         "gfla views chair.png --azimuth-deg 40 --out round.gif"),
)  # fmt: skip

HEAD = """# Tasks of the five papers
Written by `python -m core tasks` from `core/tasks.py`; `tests/rooms/test_tasks.py` runs every row's example. *Shipped*: answers at once,
with weights of ours or a method of ours. *Published*: the authors' weights do it, fetched by *Get the authors' weights* on the tab or by
`python -m core weights setup`; `tests/weights/test_one_click.py` fetches, converts and loads each of them from an imitation server.
"""


def markdown(tasks: Sequence[Task] = TASKS) -> str:
    """The table, one part per paper."""
    parts = [HEAD]
    for system, title in PAPERS.items():
        rows = [
            f"| {t.what} | {t.answers} | {t.ours or '-'} | {', '.join(t.published) or '-'} | `python -m core {t.example}` |"
            for t in tasks
            if t.system == system
        ]
        head = "| task | answers | shipped | published weights | example |\n|---|---|---|---|---|"
        parts.append(f"\n## {title}\n{head}\n" + "\n".join(rows) + "\n")
    return "".join(parts)
