"""The implicit face morph: two portraits, their landmarks, a warp fitted to them, a slider and a video."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from gradio.components import Component
from PIL import Image

from core.errors import NothingFoundError
from core.image import to_pil
from core.implicit.options import ImplicitOptions
from core.implicit.paper.landmarks import (
    LEFT_BROW,
    LEFT_EYE,
    LIPS,
    NOSE_AND_CHEEKS,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
    landmarks_of,
)
from core.options import to_query
from core.progress import Progress, part_of, silent
from core.ui.parts.controls import named
from core.ui.parts.engines import engine
from core.ui.parts.examples import Axis, example_picture
from core.ui.parts.handlers import BAR, PRIVATE, stream
from core.ui.parts.points import panel
from core.ui.parts.share import points_for
from core.ui.parts.told import lines, told, told_face, told_notes
from core.ui.parts.transition import TransitionTab, details_of
from core.ui.parts.who import others
from core.ui.parts.wiring import FORMAT
from core.ui.portraits import LandmarkFiles, Portraits, RowFilms, average
from core.ui.tabs import Tab

if TYPE_CHECKING:
    from core.implicit.pipeline import ImplicitMorphPipeline
    from core.implicit.prepared import ImplicitPrepared

ID = "implicit"
LABELS = ("First picture", "Second picture")
NUMBERS = ("face_a", "face_b")
LOOK_FIELDS = ("blend", "background")
EXAMPLE_PAIRS = (
    ("sally_ride", "eileen_collins"),
    ("mona_lisa", "girl_with_a_pearl_earring"),
    ("van_gogh_self-portrait", "durer_self-portrait"),
    ("gypsy_girl", "straw_hat_self-portrait"),
    ("ginevra_de_benci", "raphael_self-portrait"),
)
EYES = (*RIGHT_EYE, *RIGHT_BROW, *LEFT_EYE, *LEFT_BROW)
# In the order of the landmarks; what follows lies on the outline of the head.
GROUPS = [("Face", len(OVAL)), ("Mouth", len(LIPS)), ("Eyes", len(EYES)), ("Nose", len(NOSE_AND_CHEEKS)), ("Head", 99)]
ABOUT = {"device": "cpu float64 (the warp needs no GPU)"}

INTRODUCTION = """Turn one face into another. Drop in two portraits and move the slider.

Their landmarks are found, and you can correct them. A smooth warp without folds is fitted to them in seconds; then
**shape** and **appearance** move together, or each on its own.
After Schardong et al., *Neural Implicit Morphing of Face Images*, CVPR 2024. Nothing is trained beforehand, no weights are needed."""


def pipeline() -> ImplicitMorphPipeline:
    """The one pipeline of this server."""
    from core.implicit.pipeline import ImplicitMorphPipeline

    return engine(ID, ImplicitMorphPipeline)


def find_landmarks(
    picture_a: Image.Image | None, picture_b: Image.Image | None, face_a: int = 1, face_b: int = 1,
    given: dict[str, Any] | None = None,
) -> tuple[list[dict[str, Any]], str]:  # fmt: skip
    """Find matching landmarks in two portraits.

    Args:
        picture_a: The first portrait.
        picture_b: The second portrait.
        face_a: Which face of the first picture, 1 is the largest.
        face_b: Which face of the second picture, 1 is the largest.
        given: Points that came with a link, taken if they belong to these pictures.

    Returns:
        Points per picture as (x, y) in pixels, and a sentence about what was found.
    """
    from core.implicit.methods.framing.notes import notes_before
    from core.implicit.methods.framing.portraits import with_outline

    linked = points_for(given, picture_a, picture_b, face_a, face_b)
    if linked and picture_a is not None and picture_b is not None:
        both = zip((picture_a, picture_b), linked, LABELS, strict=True)
        return [panel(picture, points, label) for picture, points, label in both], "Points as they came with the link."
    shown, found, remarks, several = [], [], [], list[list[dict[str, Any]]]()
    for picture, label, face, name in zip((picture_a, picture_b), LABELS, (face_a, face_b), NUMBERS, strict=True):
        if picture is None:
            continue
        points, remark, rows = find_face(picture, face, label, name)
        shown.append((picture, label))
        found.append(points)
        remarks.append(remark)
        several.append(rows)
    if any(len(points) == 0 for points in found):
        found = [np.zeros((0, 2)) for _ in found]
    elif len(found) == 2:
        remarks += [told_notes(notes_before(found))]
        found = list(with_outline((shown[0][0], shown[1][0]), (found[0], found[1])))
    panels = [
        panel(picture, points, label, others=rows)
        for (picture, label), points, rows in zip(shown, found, several, strict=True)
    ]
    return panels, lines(remarks)


def find_face(picture: Image.Image, number: int, label: str, name: str) -> tuple[np.ndarray, str, list[dict[str, Any]]]:
    """Landmarks (N, 2) of a picture's face with this number, what is told of it, and all faces to choose from."""
    from core.implicit.methods.framing.upright import find_faces

    try:
        faces = find_faces(picture, f"the {label.lower()}")
    except NothingFoundError:
        advice = (
            "no face found. Use a larger, brighter or more frontal face; or press *Add* below and click the same place in both "
            "pictures, five pairs or more."
        )
        return np.zeros((0, 2)), told("bad", label, advice), []
    one = faces[min(max(int(number), 1), len(faces)) - 1]
    rows = others(picture, [each.box for each in faces], name, label, "face", number)
    return landmarks_of(one), told_face(label, one, len(faces)), rows


def fit(
    pair: tuple[Image.Image, Image.Image],
    points: list[np.ndarray],
    options: ImplicitOptions,
    progress: Progress = silent,
) -> ImplicitPrepared:
    """The warp between two portraits through the editor's points; where it is empty they are detected."""
    given: dict[str, Any] = {"points_a": points[0], "points_b": points[1]} if len(points) == 2 else {}
    return pipeline().prepare(*pair, options=options, progress=progress, **given)


def picture_at(prepared: ImplicitPrepared, shape: float, appearance: float, options: ImplicitOptions) -> Image.Image:
    """One picture of a fitted morph."""
    look = {"blend": options.blend, "background": options.background}
    return to_pil(pipeline().render(prepared, [shape], appearance=appearance, **look))[0]


def landmarks(picture: Image.Image) -> dict[str, Any]:
    """Find the landmarks of a portrait.

    Args:
        picture: A picture with at least one face.

    Returns:
        The number of faces, and the landmarks of the largest as (x, y) in pixels.
    """
    from core.implicit.methods.framing.upright import find_faces

    faces = find_faces(picture)
    points = landmarks_of(faces[0]).round(2).tolist()
    return {"faces": len(faces), "points": points, "width": picture.width, "height": picture.height}


class ImplicitTab(RowFilms, TransitionTab):
    """Two portraits, their landmarks, the warp fitted to them."""

    id = ID
    introduction = INTRODUCTION
    asks_a_network = False
    options = ImplicitOptions
    early_fields = NUMBERS
    example_rows = [[example_picture(name) for name in pair] for pair in EXAMPLE_PAIRS]
    axes = {"shape": Axis(0, 1, 25, 0.5)}

    def draw_inputs(self) -> None:
        """Two portraits and their landmarks."""
        self.pair = self.draw_pair(LABELS)
        self.draw_told()
        self.draw_examples(self.pair)
        self.source = list(self.pair)
        self.draw_points("Landmarks", self.pair, paired=True, groups=GROUPS, elem_id=f"{ID}-points")
        self.landmark_files = LandmarkFiles(ID)
        self.portraits = Portraits(ID)
        self.panels.update(row_closed=self.portraits.closed, row_around=self.portraits.around)

    def draw_preview(self) -> None:
        """The picture with shape and appearance."""
        self.draw_picture()
        self.draw_place("shape", 0.5, "0 = the first face's shape, 1 = the second's")
        self.sliders["apart"] = gr.Checkbox(
            False, label="Appearance on its own", info="otherwise it follows the shape", elem_id=f"{ID}-apart"
        )
        self.draw_place("appearance", 0.5, "0 = the first picture's colours, 1 = the second's", visible=False)

    def many(self) -> tuple[Any, list[Component], Component]:
        """One picture from two portraits, many in the place of the first."""
        places = [self.sliders["shape"], self.sliders["appearance"]]
        return self.frame, [*self.pair, *places, self.editor, *self.method.components], self.pair[0]

    def wire(self) -> None:
        """The warp follows pictures, points and options; the picture follows sliders and look."""
        shape, apart, appearance = sliders = list(self.sliders.values())
        inputs, shown = [*self.pair, self.editor, *sliders], [self.preview_picture]
        encode = self.encoding(self.preview, inputs, shown)
        self.on_points(find_landmarks, encode)
        self.landmark_files.wire(self.editor, self.pair, LABELS).then(**encode)
        late = self.late.by_name
        gr.on([self.editor.input, *(c.change for name, c in late.items() if name not in LOOK_FIELDS)], **encode)
        look = [late[name] for name in LOOK_FIELDS]
        self.on_sliders(self.show, [*sliders, *look], [self.prepared, *sliders, *self.method.components], shown, encode)
        apart.change(lambda on: gr.update(visible=on), apart, appearance, **PRIVATE)
        self.on_clear(shown)
        self.on_go(self.morph, "implicit_morph", inputs, [self.prepared, *shown])
        picture = gr.Image(label="Picture", format="png", visible=False)
        self.endpoint(named(self.frame, self.method), "implicit_frame", self.many()[1], picture)
        self.wire_row()
        answer = gr.JSON(label="Landmarks", visible=False)
        self.endpoint(landmarks, "implicit_landmarks", self.pair[:1], answer, queue="preview")

    def wire_row(self) -> None:
        """Films and averages of more portraits than two."""
        row, method = self.portraits, self.method.components
        self.endpoint(
            named(self.row, self.method, self.export.timeline, FORMAT), "implicit_chain",
            [row.files, row.closed, *method, *self.export.components], self.result.components, row.go, self.stop,
            self.result.video,
        )  # fmt: skip
        inputs = [row.files, row.around, self.method.by_name["size_px"]]
        self.endpoint(average, "implicit_average", inputs, row.average, row.mean, self.stop, row.average)

    def preview(
        self, picture_a: Any, picture_b: Any, points: list[np.ndarray], shape: float, apart: bool, appearance: float, *values: Any
    ) -> tuple[ImplicitPrepared | None, Image.Image | None, Any]:  # fmt: skip
        """Fit as soon as both pictures and their points are there."""
        options, start = self.read(values), time.perf_counter()
        if picture_a is None or picture_b is None or len(points) != 2 or not len(points[0]) or options.recipe != "fast":
            return None, None, gr.skip()
        prepared = fit((picture_a, picture_b), points, options)
        details = details_of(start, prepared.figures, to_query(options), ABOUT)
        return prepared, picture_at(prepared, shape, appearance if apart else shape, options), details

    def show(
        self, prepared: ImplicitPrepared | None, shape: float, apart: bool, appearance: float, *values: Any
    ) -> Any:
        """The preview at the sliders' place."""
        if prepared is None:
            return gr.skip()
        return picture_at(prepared, shape, appearance if apart else shape, self.read(values))

    def frame(
        self, picture_a: Any, picture_b: Any, shape: float, appearance: float, points: list[np.ndarray], *values: Any
    ) -> Image.Image:
        """Morph two portraits and return one picture.

        Args:
            picture_a: The first portrait.
            picture_b: The second portrait.
            shape: Warp time, 0 is the first face's shape, 1 the second's.
            appearance: Blend weight, 0 is the first picture's colours, 1 the second's.
            points: Landmarks of both pictures; left out, they are detected.
            values: The remaining controls.

        Returns:
            The picture between the two, lossless.
        """
        options = self.read(values)
        return picture_at(fit((picture_a, picture_b), points, options), shape, appearance, options)

    def morph(
        self, picture_a: Any, picture_b: Any, points: list[np.ndarray], shape: float, apart: bool, appearance: float, *values: Any,
        bar: gr.Progress = BAR,
    ) -> Iterator[Any]:  # fmt: skip
        """Morph two portraits and return a video.

        Args:
            picture_a: The first portrait.
            picture_b: The second portrait.
            points: Landmarks of both pictures; left out, they are detected.
            shape: Where the preview stands, 0 to 1; the video runs over the whole timeline.
            apart: Let appearance stand still at `appearance` while the shape moves.
            appearance: Blend weight of the whole video where `apart` is on.
            values: The remaining controls.
            bar: Shows how far the work is.

        Returns:
            The video, the file to download, the details, and the preview picture.
        """
        order = self.order(values, shape=shape, **({"apart": apart, "appearance": appearance} if apart else {}))
        look = {"blend": order.options.blend, "background": order.options.background}
        still = {"appearance": appearance} if apart else {}

        def work(progress: Progress) -> tuple[Any, ...]:
            prepared = fit((picture_a, picture_b), points, order.options, part_of(progress, 0.0, 0.4))
            rest = part_of(progress, 0.4, 1.0)
            frames = pipeline().frames(prepared, order.timeline, progress=rest, **look, **still)
            film = self.film(
                order, frames, "morph", prepared.figures, ABOUT, of=(picture_a, picture_b), notes=prepared.notes
            )
            return *film, prepared, picture_at(prepared, shape, appearance if apart else shape, order.options)

        yield from stream(work, bar, 5)


TAB = Tab(ID, "Implicit face morph", 1, ImplicitTab)
