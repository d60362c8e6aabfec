"""The implicit face morph: two portraits, their landmarks, a warp fitted to them, a slider and a video."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component
from PIL import Image

from core.detect.faces import detect_faces
from core.errors import InputError, NothingFoundError
from core.image import to_pil
from core.implicit.pipeline import ImplicitMorphPipeline, ImplicitOptions, ImplicitPrepared, landmarks_of, with_outline
from core.options import fields_of, to_query
from core.progress import Progress, part_of, silent
from core.ui.parts.controls import Controls, controls, named
from core.ui.parts.engines import engine
from core.ui.parts.examples import EXAMPLES, HEADS
from core.ui.parts.export import Export, export_controls, export_frames, result_view
from core.ui.parts.handlers import follow
from core.ui.parts.picture import PictureInput
from core.ui.parts.points import PointEditor, panel
from core.ui.parts.share import SharedPoints, points_for, share_link
from core.ui.tabs import Tab

ID = "implicit"
LABELS = ("First picture", "Second picture")
FACE_FIELDS = ("face_a", "face_b")
LOOK_FIELDS = ("blend", "background")
EXAMPLE = EXAMPLES / "implicit.mp4"
EXAMPLE_PAIRS = (("anders", "kofi"), ("amara", "mei"), ("jonas", "walter"), ("clara", "edith"))

INTRODUCTION = """Drop in two portraits: their landmarks are found, and you can correct them. A smooth warp without folds is
fitted to them in seconds; then **shape** and **appearance** move together or apart.
After Schardong et al., *Neural Implicit Morphing of Face Images*, CVPR 2024. Nothing is trained beforehand, no weights are needed."""


def pipeline() -> ImplicitMorphPipeline:
    """The one pipeline of this server."""
    return engine(ID, ImplicitMorphPipeline)


def find_landmarks(
    picture_a: Image.Image | None,
    picture_b: Image.Image | None,
    face_a: int = 1,
    face_b: int = 1,
    given: dict[str, Any] | None = None,
) -> tuple[list[dict[str, Any]], str]:
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
    linked = points_for(given, picture_a, picture_b, face_a, face_b)
    if linked and picture_a is not None and picture_b is not None:
        both = zip((picture_a, picture_b), linked, LABELS, strict=True)
        return [panel(picture, points, label) for picture, points, label in both], "Points as they came with the link."
    shown, found, said = [], [], []
    for picture, label, face in zip((picture_a, picture_b), LABELS, (face_a, face_b), strict=True):
        if picture is None:
            continue
        shown.append((picture, label))
        try:
            faces = detect_faces(picture, f"the {label.lower()}")
            found.append(landmarks_of(faces[min(max(int(face), 1), len(faces)) - 1]))
            if len(faces) > 1:
                said.append(f"{label}: {len(faces)} faces; choose one by its number, 1 is the largest.")
        except NothingFoundError:
            found.append(np.zeros((0, 2)))
            said.append(
                f"**{label}: no face found.** Use a larger, brighter or more frontal face; or press *Add* below and click "
                "the same place in both pictures, five pairs or more."
            )
    if any(len(points) == 0 for points in found):
        found = [np.zeros((0, 2)) for _ in found]
    elif len(found) == 2:
        found = list(with_outline((shown[0][0], shown[1][0]), (found[0], found[1])))
    panels = [panel(picture, points, label) for (picture, label), points in zip(shown, found, strict=True)]
    return panels, "  \n".join(said)


def fit(
    picture_a: Image.Image | None,
    picture_b: Image.Image | None,
    points: list[np.ndarray],
    options: ImplicitOptions,
    progress: Progress = silent,
) -> ImplicitPrepared:
    """The warp between two portraits through the editor's points; where it is empty they are detected."""
    if picture_a is None or picture_b is None:
        missing = LABELS[0] if picture_a is None else LABELS[1]
        raise InputError(f"the {missing.lower()} is missing: drop in a portrait")
    given = {"points_a": points[0], "points_b": points[1]} if len(points) == 2 else {}
    return pipeline().prepare(picture_a, picture_b, options=options, progress=progress, **given)


def picture_at(prepared: ImplicitPrepared, shape: float, appearance: float, options: ImplicitOptions) -> Image.Image:
    """One picture of a fitted morph."""
    return to_pil(
        pipeline().render(prepared, [shape], appearance=appearance, blend=options.blend, background=options.background)
    )[0]


def details_of(prepared: ImplicitPrepared, seconds: float, settings: dict[str, Any]) -> dict[str, Any]:
    """What the details row shows."""
    return {
        "seconds": round(seconds, 2),
        "device": "cpu float64 (the warp needs no GPU)",
        "figures": prepared.figures,
        "settings": settings,
    }


class Wiring:
    """The handlers of the tab, which know its controls."""

    def __init__(self, method: Controls, export: Export) -> None:
        self.method, self.export = method, export

    def preview(
        self,
        picture_a: Any,
        picture_b: Any,
        points: list[np.ndarray],
        shape: float,
        apart: bool,
        appearance: float,
        *values: Any,
    ) -> tuple[ImplicitPrepared | None, Image.Image | None, Any]:
        """Fit as soon as both pictures and their points are there."""
        options = self.method.read(values)
        if picture_a is None or picture_b is None or len(points) != 2 or options.recipe != "fast":
            return None, None, gr.skip()
        if len(points[0]) == 0:
            return None, None, gr.skip()
        start = time.perf_counter()
        prepared = fit(picture_a, picture_b, points, options)
        details = details_of(prepared, time.perf_counter() - start, to_query(options))
        return prepared, picture_at(prepared, shape, appearance if apart else shape, options), details

    def show(
        self, prepared: ImplicitPrepared | None, shape: float, apart: bool, appearance: float, *values: Any
    ) -> Any:
        """The preview at the sliders' place."""
        if prepared is None:
            return gr.skip()
        return picture_at(prepared, shape, appearance if apart else shape, self.method.read(values))

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
        options = self.method.read(values)
        return picture_at(fit(picture_a, picture_b, points, options), shape, appearance, options)

    def morph(
        self,
        picture_a: Any,
        picture_b: Any,
        points: list[np.ndarray],
        shape: float,
        apart: bool,
        appearance: float,
        *values: Any,
        bar: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds the bar by its default
    ) -> Iterator[Any]:
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
        count = len(self.method.components)
        options = self.method.read(values[:count])
        timeline, kind = self.export.read(values[count:])
        settings = {"system": ID, **to_query(options), **to_query(timeline)}
        start = time.perf_counter()

        def work(progress: Progress) -> tuple[Any, ...]:
            prepared = fit(picture_a, picture_b, points, options, part_of(progress, 0.0, 0.4))
            controls = {
                "blend": options.blend,
                "background": options.background,
                **({"appearance": appearance} if apart else {}),
            }
            frames = pipeline().frames(prepared, timeline, progress=part_of(progress, 0.4, 1.0), **controls)
            shown, file = export_frames(frames, "morph", kind, timeline.fps, settings)
            details = details_of(prepared, time.perf_counter() - start, settings)
            return shown, file, details, prepared, picture_at(prepared, shape, appearance if apart else shape, options)

        for said in follow(work, bar, (gr.skip(),) * 5):
            yield said[1] if said[0] == "done" else said


def landmarks(picture: Image.Image | None) -> dict[str, Any]:
    """Find the landmarks of a portrait.

    Args:
        picture: A picture with at least one face.

    Returns:
        The number of faces, and the landmarks of the largest as (x, y) in pixels.
    """
    if picture is None:
        raise InputError("the picture is missing: send a portrait")
    faces = detect_faces(picture)
    points = landmarks_of(faces[0]).round(2).tolist()
    return {"faces": len(faces), "points": points, "width": picture.width, "height": picture.height}


def build() -> None:
    """Draw the tab and wire it."""
    gr.Markdown(INTRODUCTION)
    prepared = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            pair = _draw_pair()
            with gr.Accordion("Landmarks", open=True):
                said = gr.Markdown("Landmarks appear when a picture is there.")
                points = PointEditor(paired=True, label="Landmarks", elem_id=f"{ID}-points")
                with gr.Row():
                    faces = controls(ImplicitOptions, FACE_FIELDS, ID)
                    again = gr.Button("Detect again", size="sm")
        with gr.Column(scale=2, min_width=320):
            preview, sliders = _draw_preview()
            with gr.Accordion("Method", open=False):
                names = [field.name for field in fields_of(ImplicitOptions) if field.name not in FACE_FIELDS]
                rest = controls(ImplicitOptions, names, ID)
            method = Controls(ImplicitOptions, {**faces.by_name, **rest.by_name})
            export = export_controls(ID)
            with gr.Row():
                go = gr.Button("Morph", variant="primary", elem_id=f"{ID}-go")
                stop = gr.Button("Stop", variant="stop")
            result = result_view(ID, EXAMPLE)
            named_sliders = dict(zip(("shape", "apart", "appearance"), sliders, strict=True))
            pictures = dict(zip(("picture_a", "picture_b"), pair, strict=True))
            linked = gr.State(None, time_to_live=3600)
            kept = SharedPoints(points, linked, [*pair, *faces.components], tuple(pair))
            share_link(ID, {**method.by_name, **export.by_name, **named_sliders}, pictures, kept)

    wiring = Wiring(method, export)
    fit_inputs = [*pair, points, *sliders, *method.components]
    quick = {"api_visibility": "private", "concurrency_id": "preview", "concurrency_limit": 2}
    refit = {"fn": wiring.preview, "inputs": fit_inputs, "outputs": [prepared, preview, result.details]}
    shown: dict[str, Any] = {"fn": find_landmarks, "outputs": [points, said], **quick}
    found = gr.on(
        [*(picture.change for picture in pair), *(face.change for face in faces.components)],
        inputs=[*pair, *faces.components, linked],
        trigger_mode="always_last",
        **shown,
    )
    # Asked for by hand, they are looked for even if a link brought some.
    found_again = again.click(inputs=[*pair, *faces.components], **shown)
    for event in (found, found_again):
        event.then(trigger_mode="always_last", **refit, show_progress_on=preview, **quick)
    gr.on(
        [points.input, *(component.change for name, component in rest.by_name.items() if name not in LOOK_FIELDS)],
        **refit,
        trigger_mode="always_last",
        show_progress_on=preview,
        **quick,
    )
    gr.on(
        [component.change for component in (*sliders, *(rest.by_name[name] for name in LOOK_FIELDS))],
        wiring.show,
        [prepared, *sliders, *method.components],
        preview,
        trigger_mode="always_last",
        show_progress="hidden",
        **quick,
    )
    morphing = go.click(
        named(wiring.morph, method, export.timeline, {"format": "the file to download"}),
        [*fit_inputs, *export.components],
        [*result.components, prepared, preview],
        api_name="implicit_morph",
        concurrency_id="work",
        concurrency_limit=2,
        show_progress_on=result.video,
    )
    stop.click(None, None, None, cancels=[morphing], api_visibility="private")
    _serve(wiring, pair, sliders, points)


def _draw_pair() -> list[PictureInput]:
    with gr.Row():
        pair = [
            PictureInput(label, elem_id=f"{ID}-picture-{letter}") for label, letter in zip(LABELS, "ab", strict=True)
        ]
    gr.Examples(
        [[str(HEADS / f"{name}.jpg") for name in names] for names in EXAMPLE_PAIRS],
        pair,
        label="Rendered heads (ours, CC0)",
        api_visibility="private",
    )
    return pair


def _draw_preview() -> tuple[gr.Image, list[Component]]:
    preview = gr.Image(
        label="Preview", format="jpeg", interactive=False, elem_id=f"{ID}-preview", height=380, buttons=["fullscreen"]
    )
    place = {"minimum": 0, "maximum": 1, "value": 0.5, "step": 0.01, "interactive": True}
    shape = gr.Slider(
        **place, label="Shape", info="0 = the first face's shape, 1 = the second's", elem_id=f"{ID}-shape"
    )
    apart = gr.Checkbox(
        False, label="Move appearance apart", info="otherwise appearance follows shape", elem_id=f"{ID}-apart"
    )
    appearance = gr.Slider(
        **place,
        label="Appearance",
        info="0 = the first picture's colours, 1 = the second's",
        elem_id=f"{ID}-appearance",
    )
    return preview, [shape, apart, appearance]


def _serve(wiring: Wiring, pair: list[PictureInput], sliders: list[Component], points: PointEditor) -> None:
    """Endpoints for programs: what the page does in steps, in one call each."""
    caller = gr.Button(visible=False)
    picture = gr.Image(label="Picture", format="png", visible=False)
    answer = gr.JSON(label="Landmarks", visible=False)
    shape, _, appearance = sliders
    caller.click(
        named(wiring.frame, wiring.method),
        [*pair, shape, appearance, points, *wiring.method.components],
        picture,
        api_name="implicit_frame",
        concurrency_id="work",
    )
    caller.click(landmarks, pair[0], answer, api_name="implicit_landmarks", concurrency_id="preview")


TAB = Tab(ID, "Implicit face morph", 1, build)
