"""The detectors on our rendered examples, and on photos where they lie beside the project."""

import io
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.detect import faces
from core.detect.body import NAMES, detect_bodies, same_body
from core.detect.covers import eyes_covered, mouth_covered
from core.detect.cutout import cut_out_person
from core.detect.everybody import detect_everybody
from core.detect.faces import detect_faces, read_again, righted
from core.detect.mirrored import MIRRORED
from core.detect.segment import person_mask
from core.errors import NothingFoundError
from core.image import Box, load_image
from tests.conftest import ROOT, gradient_picture

EXAMPLES = ROOT / "core" / "ui" / "examples"
HEADS = sorted((EXAMPLES / "heads").glob("*.jpg"))
PEOPLE = sorted((EXAMPLES / "people").glob("*.jpg"))
# The rendered camera puts the middle of the eyes at (80, 64) with the nose and mouth below it.
EYES = (80, 64)


def eyes(points68) -> np.ndarray:
    return (points68[36:42].mean(0) + points68[42:48].mean(0)) / 2


@pytest.mark.parametrize("path", HEADS, ids=lambda path: path.stem)
def test_every_example_head_has_one_face_in_its_place(path):
    (face,) = detect_faces(load_image(path))
    assert face.points.shape == (478, 2) and face.points68().shape == (68, 2)
    assert np.hypot(*(eyes(face.points68()) - EYES)) < 5


def test_dlib_order_runs_as_dlib_has_it():
    points = detect_faces(load_image(HEADS[0]))[0].points68()
    assert (np.diff(points[2:15, 0]) > 0).all(), "the jaw runs from the viewer's left to the right"
    assert points[8, 1] == points[:, 1].max(), "point 8 is the chin"
    assert points[17:27, 1].max() < points[36:48, 1].min() + 3, "brows lie above eyes"
    assert points[48, 0] < points[54, 0] and points[51, 1] < points[57, 1], "mouth corners and lips"


@pytest.mark.parametrize("change", ["tiny", "huge", "far", "close", "narrow", "long"])
def test_faces_of_any_size_are_found(change):
    head = load_image(HEADS[0])
    scale, shift = 1.0, (0.0, 0.0)
    if change == "tiny":
        picture, scale = head.resize((64, 64)), 0.4
    elif change == "huge":
        picture, scale = head.resize((2000, 2000)), 12.5
    elif change == "far":
        picture, shift = Image.new("RGB", (1500, 1200), (90, 110, 100)), (1100.0, 300.0)
        picture.paste(head, (1100, 300))
    elif change == "close":
        picture, shift = head.crop((45, 35, 115, 120)), (-45.0, -35.0)
    elif change == "long":
        picture, shift = Image.new("RGB", (2400, 200), (90, 110, 100)), (2100.0, 20.0)
        picture.paste(head, (2100, 20))
    else:
        picture, shift = Image.new("RGB", (160, 600)), (0.0, 400.0)
        picture.paste(head, (0, 400))
    face = detect_faces(picture)[0]
    assert np.hypot(*((eyes(face.points68()) - shift) / scale - EYES)) < 6


def test_a_mesh_laid_upright_on_a_head_upside_down_is_turned_round():
    """As the detector answers on most photographs: the eyes on the chin."""
    for path in HEADS[:3]:
        head = load_image(path)
        face = detect_faces(head)[0]
        assert righted(head, face) is face
        left, top, right, bottom = face.box
        there = Box(head.width - right, head.height - bottom, head.width - left, head.height - top)
        wrong = replace(face, points=face.points - (left - there.left, top - there.top), box=there)
        found = righted(head.transpose(Image.Transpose.ROTATE_180), wrong)
        assert np.abs(found.points - (np.array(head.size) - face.points)).max() < 3


def test_an_upright_head_that_looks_hardly_likelier_turned_round_stays_upright(monkeypatch):
    """In a film one frame of a head that looked aside was read upside down."""
    head = load_image(HEADS[0])
    face = detect_faces(head)[0]
    answers = iter((0.72, 0.75))
    monkeypatch.setattr(faces, "_likeness", lambda _: next(answers))
    assert righted(head, face) is face


@pytest.mark.parametrize("cloth", [(150, 190, 220), (240, 240, 240), (15, 15, 20)])
def test_a_mask_over_the_mouth_is_seen_and_a_bare_mouth_is_none(cloth):
    for path in HEADS[::3]:
        head = load_image(path).resize((320, 320))
        face = detect_faces(head)[0]
        assert not mouth_covered(head, face)
        over = [tuple(point) for point in face.points[[195, 50, 205, 172, 150, 152, 379, 397, 425, 280]]]
        ImageDraw.Draw(head).polygon(over, fill=cloth)
        assert mouth_covered(head, face)


def test_dark_glasses_are_seen_and_dark_eyes_are_none():
    for path in HEADS[::3]:
        head = load_image(path).resize((320, 320))
        face = detect_faces(head)[0]
        assert not eyes_covered(head, face)
        for outer, inner in ((33, 133), (263, 362)):
            (x, y), wide = face.points[[outer, inner]].mean(0), abs(np.subtract(*face.points[[outer, inner], 0]))
            ImageDraw.Draw(head).ellipse((x - wide, y - wide, x + wide, y + wide), fill=(12, 10, 8))
        assert eyes_covered(head, face)


def test_a_face_read_again_in_other_views_stays_in_its_place_and_a_covered_one_is_doubted() -> None:
    head = load_image(HEADS[0]).resize((320, 320))
    face = detect_faces(head)[0]
    assert read_again(head, face, ())[0].points.tolist() == face.points.tolist()
    again, apart = read_again(head, face, ((0.6, True), (1.0, True)))
    away = np.hypot(*(again.points - face.points).T)
    assert 0 < away.mean() < 0.01 * face.box.width
    assert away.max() < 0.03 * face.box.width  # a point of the wrong side would be further
    assert np.abs(again.depths - face.depths).mean() < 0.05 * face.box.width
    assert apart.mean() < 0.01 * face.box.width
    over = [tuple(point) for point in face.points[[10, 9, 168, 4, 14, 172, 234, 54]]]
    ImageDraw.Draw(head).polygon(over, fill=(20, 16, 14))
    hidden = detect_faces(head)[0]
    assert read_again(head, hidden, ((0.6, True), (1.0, True)))[1].mean() > 1.5 * apart.mean()


def test_mirrored_points_are_pairs() -> None:
    assert MIRRORED[MIRRORED].tolist() == list(range(478))
    assert MIRRORED[[1, 10, 152, 33, 61, 469]].tolist() == [1, 10, 152, 263, 291, 476]


def test_several_faces_come_largest_first():
    picture = Image.new("RGB", (900, 500), (120, 120, 120))
    for size, place, path in ((160, (30, 200), HEADS[0]), (480, (400, 10), HEADS[2]), (240, (180, 20), HEADS[1])):
        picture.paste(load_image(path).resize((size, size)), place)
    faces = detect_faces(picture)
    assert [bool(face.points[1, 0] > 400) for face in faces] == [True, False, False]
    widths = [face.box.width for face in faces]
    assert widths == sorted(widths, reverse=True)


def test_detection_repeats_itself():
    head = load_image(HEADS[1])
    assert np.array_equal(detect_faces(head)[0].points, detect_faces(head)[0].points)


@pytest.mark.parametrize("find", [detect_faces, detect_bodies, person_mask])
def test_nothing_there_names_the_picture(find):
    with pytest.raises(NothingFoundError, match=r"wall\.png.*use a"):
        find(gradient_picture(200, 120), "wall.png")


@pytest.mark.parametrize("path", PEOPLE, ids=lambda path: path.stem)
def test_every_example_person_has_a_body(path):
    (body,) = detect_bodies(load_image(path))
    points = dict(zip(NAMES, body.points, strict=True))
    assert body.seen.sum() >= 16
    assert points["nose"][1] < points["neck"][1] < points["right hip"][1] < points["right knee"][1]
    assert points["right shoulder"][0] < points["left shoulder"][0], "they face the camera"


def test_two_people_are_told_apart():
    picture = Image.new("RGB", (420, 256), (128, 128, 128))
    for path, x in ((PEOPLE[0], 0), (PEOPLE[1], 230)):
        picture.paste(load_image(path), (x, 0))
    assert len(detect_bodies(picture)) == 2


@pytest.mark.slow
def test_who_shows_no_face_beside_somebody_is_found_too():
    picture = Image.new("RGB", (600, 256), (128, 128, 128))
    hidden = load_image(PEOPLE[0])
    (body,) = detect_bodies(hidden)
    (x, y), wide = body.points[0], abs(body.points[16, 0] - body.points[17, 0])
    hair = (x - 0.62 * wide, y - 0.85 * wide, x + 0.62 * wide, y + 0.5 * wide)
    ImageDraw.Draw(hidden).ellipse(hair, fill=(70, 45, 30))
    picture.paste(load_image(PEOPLE[1]), (0, 0))
    picture.paste(hidden, (300, 0))
    assert len(detect_bodies(picture)) == 1, "the quick look sees the face alone"
    found = detect_everybody(picture)
    assert len(found) == 2
    assert np.abs(found[1].points - (300, 0) - body.points)[1:14].mean() < 8
    mask = cut_out_person(picture, found, 1)
    assert mask[:, 300:].sum() > 20 * mask[:, :230].sum()


def test_one_head_is_one_person_however_two_views_tell_its_limbs():
    one = np.full((18, 2), 100.0) + np.arange(18)[:, None] * (0, 10)
    other = one + (40.0, 0.0)
    other[0] = one[0] + 3
    assert same_body(one, other)
    other[0] = one[0] + 40
    assert not same_body(one, other)


def test_the_person_is_masked_and_the_background_is_not():
    picture = load_image(PEOPLE[0])
    mask = person_mask(picture)
    assert mask.shape == (1, 1, picture.height, picture.width)
    x, y = detect_bodies(picture)[0].points[1].astype(int)
    assert mask[0, 0, y + 10, x] > 0.9
    assert mask[0, 0, :20, :20].max() < 0.1


@pytest.mark.slow
def test_nothing_is_said_on_the_terminal():
    code = (
        "from core.detect.faces import detect_faces; from core.detect.body import detect_bodies;"
        "from core.image import load_image;"
        f"detect_faces(load_image({str(HEADS[0])!r})); detect_bodies(load_image({str(PEOPLE[0])!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_london_faces_match_their_landmarks(shared_data):
    table = np.load(shared_data / "faces_landmarks.npz")
    with zipfile.ZipFile(shared_data / "faces.zip") as archive:
        for index in range(0, 102, 17):
            picture = load_image(archive.read(str(table["files"][index])))
            (face,) = detect_faces(picture)
            pupils = table["points"][index, :2]
            found = np.sort(face.points[[468, 473]], axis=0)
            assert np.abs(found - np.sort(pupils, axis=0)).max() < 6, table["files"][index]


def test_encoded_bytes_reach_the_detector():
    stream = io.BytesIO()
    load_image(HEADS[0]).save(stream, "PNG")
    assert len(detect_faces(load_image(stream.getvalue()))) == 1
