"""Ripple: how convincingly the preview weights turn heads that training never saw (needs ../shared/data).

All figures are of the whole chain as a user runs it: face found, cut, turned, pasted back into the picture.
Yaw is measured on MediaPipe's mesh in space: the rotation (Kabsch) from the mesh of the input to the mesh of the result, about
the vertical axis; what the same ruler says about the true frames stands beside it. Identity: the face of a result must be more
like the true frame of its own person than like that of any other of the 24 (correlation of grey faces, so colour does not help).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from bench import Row, sheet_path
from core.detect.faces import Face, detect_faces
from core.errors import NothingFoundError
from core.metrics import ssim
from core.ripple.data.head_pairs import HeadPairs
from core.ripple.data.turn_pairs import TurnPairs
from core.ripple.methods.head_turn.geometry import eyes_and_mouth
from core.ripple.options import RippleOptions
from core.ripple.pipeline import RipplePipeline
from core.ripple.results import RipplePrepared

DATA = Path(__file__).parents[2] / "shared" / "data"
STEPS = {-30: 0, -20: 1, 20: 5, 30: 6}
HEADS, PORTRAITS, SHOWN = 24, 12, 8
RIM_PX = 2  # pixels beside the true silhouette that count as neither person nor background
FACE_PX = 48
YAW_TARGET_DEG, TURN_DEG = 5.0, 20


@dataclass
class Turned:
    """One rendered head at one asked yaw: uint8 pictures (H, W, 3) and the person (H, W) bool of the true frame."""

    identity: str
    yaw_deg: int
    source: np.ndarray
    truth: np.ndarray
    person: np.ndarray
    clean: np.ndarray
    centre: np.ndarray
    side: float
    found_deg: float | None = None
    true_deg: float | None = None
    detail: dict[str, float] = field(default_factory=dict)


@torch.no_grad()
def rows() -> list[Row]:
    """Figures of 24 rendered heads at four yaws and of 12 portraits; two contact sheets."""
    if not (DATA / "heads.zip").is_file():
        return [Row("preview weights on held-out heads", "", "not measured: ../shared/data is absent")]
    pipe = RipplePipeline.from_record("ripple-preview")
    made, missed = turn_all(pipe, HeadPairs(DATA, 128, "test", portrait_share=0.0))
    sheet(made, sheet_path("quality_ripple"))
    portraits = TurnPairs(DATA, 128, "test").portraits[::2][:PORTRAITS]
    return [
        Row("faces found by MediaPipe in held-out rendered pictures", "", f"{HEADS - missed} of {HEADS}"),
        *yaw_rows(made),
        *identity_rows(made),
        *background_rows(made),
        *portrait_rows(pipe, portraits, sheet_path("quality_ripple_photos")),
    ]


def turn_all(pipe: RipplePipeline, pairs: HeadPairs) -> tuple[list[Turned], int]:
    """Every held-out head at every yaw, and how many had no face that MediaPipe could find."""
    made: list[Turned] = []
    missed = 0
    for name in pairs.turns[:HEADS]:
        frames = pairs.frames[name]
        picture = Image.fromarray(frames[3]["picture"])
        try:
            # Beyond what a photograph is said to bear, too.
            prepared = freed(pipe.prepare(picture, options=RippleOptions()))
            front = detect_faces(picture)[0]
        except NothingFoundError:
            missed += 1
            continue
        for yaw, step in STEPS.items():
            result = pipe.edit(prepared, yaw)
            truth = frames[step]
            one = Turned(
                name, yaw, frames[3]["picture"], truth["picture"], truth["mask"] > 0,
                np.asarray(result.whole), truth["points"][:5].mean(0), truth["square"].side,
            )  # fmt: skip
            one.found_deg, one.true_deg = (yaw_of(front, np.asarray(p)) for p in (one.clean, one.truth))
            made.append(one)
    return made, missed


def freed(prepared: RipplePrepared) -> RipplePrepared:
    """A portrait that turns as far as is asked, whatever it bears."""
    return replace(prepared, bears=prepared.bears | {"pose": (min(STEPS), max(STEPS))})


def yaw_of(front: Face, picture: np.ndarray) -> float | None:
    """Degrees that the face has turned from `front`, positive to the image right; None where no face is found."""
    try:
        # Of several faces the same one: turned, another may be the largest.
        middle = front.points.mean(0)
        face = min(
            detect_faces(Image.fromarray(picture)), key=lambda one: float(np.hypot(*(one.points.mean(0) - middle)))
        )
    except NothingFoundError:
        return None
    before, after = (np.column_stack([f.points, f.depths]) for f in (front, face))
    before, after = before - before.mean(0), after - after.mean(0)
    u, _, vt = np.linalg.svd(before.T @ after)
    turn = vt.T @ np.diag([1, 1, np.sign(np.linalg.det(vt.T @ u.T))]) @ u.T
    return float(-np.rad2deg(np.arctan2(turn[0, 2], turn[2, 2])))


def yaw_rows(made: list[Turned]) -> list[Row]:
    """How far the yaw is from what was asked."""
    found = []
    for size in (20, 30):
        errors, ruler, lost = [], [], 0
        for one in made:
            if abs(one.yaw_deg) == size:
                lost += one.found_deg is None
                if one.found_deg is not None:
                    errors.append(abs(one.found_deg - one.yaw_deg))
                if one.true_deg is not None:
                    ruler.append(abs(one.true_deg - one.yaw_deg))
        error = float(np.mean(errors))
        wanted, met = ("", None) if size > TURN_DEG else (f"<= {YAW_TARGET_DEG:g}", error <= YAW_TARGET_DEG)
        said = f"{error:.1f} (median {np.median(errors):.1f}; true frames {np.mean(ruler):.1f}; no face in {lost})"
        found.append(Row(f"mean yaw error at +-{size} degrees", wanted, said, met))
    return found


def identity_rows(made: list[Turned]) -> list[Row]:
    """Whose face it is, and how like the true frame the person is."""
    found = []
    for size in (20, 30):
        right, asked, own = 0, 0, []
        for yaw in (-size, size):
            here = [one for one in made if one.yaw_deg == yaw]
            faces = np.stack([face_of(one, one.clean) for one in here])
            truths = np.stack([face_of(one, one.truth) for one in here])
            likeness = faces @ truths.T
            right += int((likeness.argmax(1) == np.arange(len(here))).sum())
            asked += len(here)
            own += np.diag(likeness).tolist()
        here = [one for one in made if abs(one.yaw_deg) == size]
        still, turned = (np.mean([person_db(one, getattr(one, kind)) for one in here]) for kind in ("source", "clean"))
        target, met = (">= 90 %", right >= 0.9 * asked) if size == TURN_DEG else ("", None)
        said = f"{right} of {asked}; correlation {np.mean(own):.2f}"
        found.append(Row(f"identity kept at +-{size} degrees", target, said, met))
        name = f"person against the true frame at +-{size} degrees"
        found.append(Row(name, f"> {still:.1f} dB (not turning)", f"{turned:.1f} dB", bool(turned > still)))
    return found


def face_of(one: Turned, picture: np.ndarray) -> np.ndarray:
    """The grey face around the true frame's eyes, nose and mouth as a unit vector without its mean."""
    half = 0.3 * one.side
    corners = np.float32([one.centre + half * np.array(c) for c in ((-1, -1), (1, -1), (-1, 1))])
    wanted = np.float32([(0, 0), (FACE_PX, 0), (0, FACE_PX)])
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    patch = cv2.warpAffine(grey, cv2.getAffineTransform(corners, wanted), (FACE_PX, FACE_PX)).astype(np.float64)
    patch -= cv2.GaussianBlur(patch, (0, 0), 8)  # shading goes, features stay
    return (patch / np.linalg.norm(patch)).ravel()


def person_db(one: Turned, picture: np.ndarray) -> float:
    """PSNR inside the true person."""
    return decibels(picture, one.truth, one.person)


def decibels(picture: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """PSNR of uint8 pictures over some pixels."""
    error = np.square(picture[where].astype(np.float64) - truth[where]).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def background_rows(made: list[Turned]) -> list[Row]:
    """Background outside the true head: a turn by the surface leaves no ripple, but bends what is beside the head."""
    found = []
    for size in (20, 30):
        here = [one for one in made if abs(one.yaw_deg) == size]
        kernel = np.ones((2 * RIM_PX + 1,) * 2, np.uint8)
        still, turned = (
            np.mean([
                decibels(getattr(one, kind), one.truth, cv2.dilate(one.person.astype(np.uint8), kernel) == 0)
                for one in here
            ]) for kind in ("source", "clean")
        )  # fmt: skip
        name = f"background against the true frame at +-{size} degrees"
        found.append(Row(name, "", f"{turned:.1f} dB (not turning {still:.1f} dB)"))
    return found


def portrait_rows(pipe: RipplePipeline, portraits: list[dict], path: Path) -> list[Row]:
    """London portraits of people that training never saw: yaw, and there and back again."""
    errors, likeness, lost, strips = [], [], 0, []
    for portrait in portraits:
        picture = Image.fromarray(portrait["picture"])
        front, strip = detect_faces(picture)[0], [portrait["picture"]]
        prepared = freed(pipe.prepare(picture))
        for yaw in (-30, -20, 20, 30):
            turned = pipe.edit(prepared, yaw).whole
            strip.append(np.asarray(turned))
            if abs(yaw) == TURN_DEG:
                found = yaw_of(front, np.asarray(turned))
                lost += found is None
                if found is not None:
                    errors.append(abs(found - yaw))
                    back = pipe.edit(pipe.prepare(turned), -yaw).whole
                    likeness.append(face_ssim(front, picture, back))
        strips.append(np.concatenate(strip, axis=1))
    Image.fromarray(np.concatenate(strips[:SHOWN])).resize((5 * 320, 320 * len(strips[:SHOWN]))).save(path)
    error = float(np.mean(errors))
    met = error <= YAW_TARGET_DEG and not lost
    said = f"{error:.1f} (median {np.median(errors):.1f}; no face in {lost})"
    return [
        Row("London portraits: mean yaw error at +-20 degrees", f"<= {YAW_TARGET_DEG:g}", said, met),
        Row("London portraits: 20 degrees there and back, SSIM of the face", "", f"{np.mean(likeness):.3f}"),
    ]


def face_ssim(front: Face, picture: Image.Image, other: Image.Image) -> float:
    """SSIM of the face crop at 128 px."""
    eyes, mouth = eyes_and_mouth(front.points)
    centre, half = (eyes.mean(0) + mouth.mean(0)) / 2, 1.3 * float(np.linalg.norm(eyes[1] - eyes[0]))
    box = (*(centre - half), *(centre + half))
    crops = [np.asarray(p.resize((128, 128), Image.Resampling.BILINEAR, box)) for p in (picture, other)]
    a, b = (torch.from_numpy(c.copy()).permute(2, 0, 1)[None].float() / 255 for c in crops)
    return float(ssim(a, b))


def sheet(made: list[Turned], path: Path) -> None:
    """Per person: the input, then for each yaw the edit and the true frame."""
    names = list(dict.fromkeys(one.identity for one in made))[:SHOWN]
    strips = []
    for name in names:
        here = sorted((one for one in made if one.identity == name), key=lambda one: one.yaw_deg)
        pictures = [here[0].source, *(p for one in here for p in (one.clean, one.truth))]
        strips.append(np.concatenate(pictures, axis=1))
    Image.fromarray(np.concatenate(strips)).save(path)
