"""People: cut-outs of rendered people over photographs with others, and a photo that follows clips (needs ../shared)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from bench import Row
from core.detect.body import Body, detect_bodies
from core.detect.cutout import cut_out_person
from core.detect.everybody import detect_everybody
from core.detect.segment import person_mask
from core.errors import InputError, NothingFoundError
from core.gfla.data.people import load_people
from core.gfla.methods.limb_layers.skeleton import HEAD
from core.gfla.methods.puppet.puppet import Puppet, make_puppet
from core.gfla.methods.retargeting.tracking import bridged, jump, tracked
from core.gfla.paper import pose
from core.image import Box, load_image
from core.video import read_video

SHARED = Path(__file__).parents[2] / "shared"
CUT_OUTS = 30
PERSON_HW = (512, 352)
# What a person may cover of the photo's own people, as a share of itself.
COVERED = 0.02
# A skeleton whose joints lie farther off in the mean is another person's.
OTHER_PX = 60
CLIPS = ("01_*", "06_*", "08_*", "25_*", "made_03_*")
# Every so many frames of a clip, and so many of them.
STEP, FRAMES = 2, 24
LONGEST_PX = 640
STILL = "watteau_pierrot_full.jpg"


def rows() -> list[Row]:
    """Intersection over union, what becomes of driving clips, and how steady a dancer is."""
    if not (SHARED / "data").exists():
        return [Row("people in motion", "", "not measured: ../shared is absent")]
    return [overlap_row(), *clip_rows()]


def overlap_row() -> Row:
    """Mean intersection over union of cut-outs with the masks that the people were rendered with; 0 of who is not found."""
    found, missed = [], 0
    for picture, share, points in scenes():
        try:
            bodies = detect_everybody(picture)
            index = min(range(len(bodies)), key=lambda i: distance(bodies[i], points))
            if distance(bodies[index], points) > OTHER_PX:
                raise NothingFoundError("the detector finds others alone")
            cut = cut_out_person(picture, bodies, index) > 0.5
        except NothingFoundError:
            missed += 1
            found.append(0.0)
            continue
        found.append((cut & (share > 0.5)).sum() / (cut | (share > 0.5)).sum())
    said = f"{np.mean(found):.3f} in the mean of all {len(found)}, {np.median(found):.3f} in the middle, {missed} not found"
    return Row("cut-outs of rendered people over photographs: intersection over union", ">= 0.95", said, bool(np.mean(found) >= 0.95))  # fmt: skip


def scenes() -> Iterator[tuple[Image.Image, np.ndarray, np.ndarray]]:
    """Rendered people beside those of photographs: pictures, the person's share (H, W) in each, and its keypoints (18, 2).

    A person is put where it covers least of the photo's own people, in a photo in which that is next to nothing: whoever
    stands before somebody of the same size, and is smaller, is no bystander's neighbour but a poster on a shirt.
    """
    people = load_people(SHARED / "data", PERSON_HW, limit=None)
    chosen = np.flatnonzero(people.test)[:: max(1, int(people.test.sum()) // CUT_OUTS)][:CUT_OUTS]
    files = [*sorted((SHARED / "real" / "people").glob("*.*")), *sorted((SHARED / "examples" / "people").glob("*.*"))]
    grounds = [ground_of(file) for file in files]
    turn = 0
    for item in chosen:
        truth = people.masks[item].astype(np.float32) / 255
        for _ in grounds:
            canvas, others = grounds[turn % len(grounds)]
            turn += 1
            left, covered = freest(others, truth)
            if covered < COVERED:
                break
        else:
            raise InputError("no photo has room beside its people: add photos to ../shared/real/people")
        top = canvas.shape[0] - PERSON_HW[0]
        place = (slice(top, None), slice(left, left + PERSON_HW[1]))
        share = np.zeros(canvas.shape[:2], np.float32)
        share[place] = truth
        made = canvas.copy()
        mixed = canvas[place] * (1 - truth[..., None]) + people.pictures[item] * truth[..., None]
        made[place] = mixed.astype(np.uint8)
        points = np.where(people.points[item] == pose.MISSING, pose.MISSING, people.points[item] + (left, top))
        yield Image.fromarray(made), share, points


def ground_of(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """A photo (640, W, 3) uint8, and where it shows people, (640, W) bool."""
    photo = load_image(file)
    photo = photo.resize((max(400, round(photo.width * 640 / photo.height)), 640))
    try:
        return np.asarray(photo), person_mask(photo)[0, 0].numpy() > 0.3
    except NothingFoundError:
        return np.asarray(photo), np.zeros((640, photo.width), bool)


def freest(others: np.ndarray, truth: np.ndarray) -> tuple[int, float]:
    """Where a share (h, w) at the lower edge covers least of a mask (H, W), as its left column, and what share of it does."""
    low = others[-truth.shape[0] :]
    shares = [
        float((truth * low[:, left : left + truth.shape[1]]).sum() / truth.sum())
        for left in range(0, others.shape[1] - truth.shape[1] + 1, 8)
    ]
    best = int(np.argmin(shares))
    return best * 8, shares[best]


def distance(body: Body, points: np.ndarray) -> float:
    """Mean distance in pixels of a body's joints from the true ones (18, 2)."""
    both = body.seen & pose.present(points)
    return float(np.hypot(*(body.points[both] - points[both]).T).mean()) if both.any() else np.inf


def clip_rows() -> list[Row]:
    """Switches of identity, heads that leave the frame, and steadiness, of one photo that follows every clip."""
    photo = load_image(SHARED / "examples" / "people" / STILL)
    photo.thumbnail((LONGEST_PX, LONGEST_PX))
    puppet = make_puppet(photo, detect_bodies(photo), 0)
    switches = heads = shown = 0
    ratios = []
    for pattern in CLIPS:
        for file in (SHARED / "real" / "video").glob(pattern):
            frames = people_of(file)
            if not any(frames):
                continue
            shown += 1
            steady = tracked(frames)
            switches += switched(steady)
            poses = puppet.follow(steady)
            heads += sum((item[[h for h in HEAD if item[h, 0] >= 0]] < 0).any() for item in poses)
            ratios.append(flicker(puppet, poses) / max(flicker(puppet, puppet.follow(bridged(largest(frames)))), 1e-6))
    return [
        Row(f"{shown} driving clips with people: identity switches", "0", str(switches), switches == 0),
        Row("heads cut in the frames that follow them", "0", str(heads), heads == 0),
        Row("successive frames after motion compensation, against frame by frame", "<= 0.5x", f"{np.mean(ratios):.2f}x", bool(np.mean(ratios) <= 0.5)),
    ]  # fmt: skip


def people_of(file: Path) -> list[list[Body]]:
    """Everybody in some frames of a clip."""
    found = []
    for frame in itertools.islice(read_video(str(file)).frames(), 0, STEP * FRAMES, STEP):
        picture = load_image(frame)
        picture.thumbnail((LONGEST_PX, LONGEST_PX))
        try:
            found.append(detect_bodies(picture))
        except NothingFoundError:
            found.append([])
    return found


def largest(frames: list[list[Body]]) -> np.ndarray:
    """Frame by frame: the largest person of each, unsmoothed, (T, 18, 2)."""
    first = next(index for index, bodies in enumerate(frames) if bodies)
    return np.stack([bodies[0].points if bodies else np.full((18, 2), pose.MISSING) for bodies in frames[first:]])


def switched(bodies: np.ndarray) -> int:
    """How often successive skeletons (T, 18, 2) lie farther apart than one person moves."""
    return sum(jump(*(Body(item, box_of(item)) for item in pair)) > 0.35 for pair in itertools.pairwise(bodies))


def box_of(points: np.ndarray) -> Box:
    """Round the joints that are there."""
    seen = points[pose.present(points)]
    return Box(*map(float, (*seen.min(0), *seen.max(0))))


def flicker(puppet: Puppet, poses: list[np.ndarray]) -> float:
    """Mean difference of successive pictures in 8-bit steps, the later moved back along the optical flow."""
    pictures, found = [puppet.show(item) for item in poses], []
    flow_of = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for before, after in itertools.pairwise(pictures):
        flow = flow_of.calc(*(cv2.cvtColor(item, cv2.COLOR_RGB2GRAY) for item in (before, after)), None)
        rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
        back = cv2.remap(after, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR)
        found.append(np.abs(back.astype(np.float32) - before).mean())
    return float(np.mean(found))
