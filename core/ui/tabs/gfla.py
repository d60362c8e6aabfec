"""Pose-guided generation: a person's photo, draggable keypoints, a target pose, the person repainted, and a video."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component
from PIL import Image

from core.detect.body import NAMES
from core.errors import InputError, NothingFoundError
from core.gfla import framing, pose
from core.gfla.library import FRAME_HW, library_pose, poses
from core.gfla.options import AnimationOptions, PoseOptions, ViewOptions
from core.gfla.pipeline import PosePipeline, PosePrepared
from core.gfla.pipeline_animation import RECORDS, AnimationPipeline, driven
from core.gfla.pipeline_views import ViewPipeline
from core.gfla.preview import explained
from core.image import Box, crop_box, to_pil
from core.options import fields_of, to_query
from core.progress import Progress, part_of, silent
from core.ui.parts.controls import Controls, controls, named
from core.ui.parts.engines import engine
from core.ui.parts.examples import EXAMPLES, PEOPLE
from core.ui.parts.export import Export, export_controls, export_frames, result_view
from core.ui.parts.handlers import follow
from core.ui.parts.picture import ClipInput, PictureInput
from core.ui.parts.points import PointEditor, panel
from core.ui.parts.share import SharedPoints, points_for, share_link
from core.ui.tabs import Tab
from core.video import read_video

ID = "gfla"
LABELS = ("Person", "Target pose")
FIRST_POSE = "arms spread"
# No hand before the body: what it hides would be missing in the new pose.
FIRST_PERSON = "ben"
EXAMPLE = EXAMPLES / "gfla.mp4"
TARGET_HEIGHT_PX = 384
VIEW_COUNT = 18

INTRODUCTION = """Drop in a full-body photo: its 18 keypoints are found and can be dragged. Choose a **target pose** from the
library, from a second photo or by dragging, and the person is repainted in it; or let a **driving clip** lead.
After Ren et al., *Deep Image Spatial Transformation for Person Image Generation*, CVPR 2020. The shipped weights are a
preview trained on rendered people: what the photo does not show stays plain, the head keeps the view that the photo has; the authors' weights can be converted with `python -m core weights`."""
FURTHER = """The authors' other networks: a **face** or a **dancer** that follows a clip, and an **object** seen from all sides.
Their weights are for non-commercial use and are not shipped; the message says how to get them."""


def pipeline() -> PosePipeline:
    """The one pose pipeline of this server."""
    return engine(ID, PosePipeline.from_record)


def target_size() -> tuple[int, int]:
    """(width, height) of the target panel: the network's frame as people see it."""
    return round(TARGET_HEIGHT_PX * pipeline().aspect), TARGET_HEIGHT_PX


def find_points(
    picture: Image.Image | None,
    target_picture: Image.Image | None,
    library: str,
    person: int,
    given: dict[str, Any] | None = None,
) -> tuple[list[dict[str, Any]], str]:
    """Keypoints of the person and the target pose in the person's frame, for the editor, and what was found."""
    if picture is None:
        return [], "Keypoints appear when a picture is there."
    pipe, said = pipeline(), ""
    linked = points_for(given, picture, target_picture, library, person)
    if linked:
        panels = editor_panels(picture, linked[0], linked[1], framing.person_box(linked[0], pipe.aspect))
        return panels, "Keypoints as they came with the link."
    try:
        own = pipe.find(picture, person, "the photo")
        count = int(pose.present(own).sum())
        said = f"{count} of 18 keypoints found."
        if count < len(NAMES):
            missing = ", ".join(name for name, seen in zip(NAMES, pose.present(own), strict=True) if not seen)
            said += f" Missing: {missing}; press *Add* and click to place them."
    except NothingFoundError as error:
        own = pose.scaled(library_pose("standing"), (picture.height, picture.width), FRAME_HW)
        said = f"**{error}.** A standing skeleton was put in its place: drag its points onto the person."
    box = framing.person_box(own, pipe.aspect)
    framed = framing.into_frame(own, box, pipe.size_hw)
    target = pipe.target_pose(target_picture or library, framed, box, PoseOptions())
    width, height = target_size()
    shown = pose.scaled(target, (height, width), pipe.size_hw)
    inside = shown.clip(1, (width - 1, height - 1))
    shown = np.where(pose.present(shown)[:, None], inside, pose.MISSING)
    return editor_panels(picture, own, shown, box), said


def editor_panels(picture: Image.Image, own: np.ndarray, target: np.ndarray, box: Box) -> list[dict[str, Any]]:
    """The person's keypoints over the photo, and the target's (18, 2), in pixels of `target_size`, over a pale frame."""
    size = target_size()
    ground = Image.blend(crop_box(picture, box, size), Image.new("RGB", size, "white"), 0.6)
    return [panel(picture, own, LABELS[0]), panel(ground, target, LABELS[1])]


def prepare(
    picture: Image.Image | None,
    points: list[np.ndarray],
    target: Any,
    options: PoseOptions,
    progress: Progress = silent,
) -> PosePrepared:
    """The person encoded; the editor's points where there are any, else detection and `target`."""
    if picture is None:
        raise InputError("the photo is missing: drop in a picture of a whole person")
    if len(points) != len(LABELS):
        return pipeline().prepare(picture, target, options=options, progress=progress)
    own = pose.checked(points[0])
    box = framing.person_box(own, pipeline().aspect)
    width, height = target_size()
    wanted = framing.out_of_frame(pose.checked(points[1]), box, (height, width))
    return pipeline().prepare(picture, wanted, options=options, progress=progress, points=own)


def painted(prepared: PosePrepared, position: float) -> tuple[Image.Image, Image.Image]:
    """The person at a position of the way, and what moved the texture."""
    pipe = pipeline()
    at = pipe.poses_at(prepared, [position])
    made = pipe.paint(prepared, at)
    return to_pil(pipe.finish(prepared, made))[0], explained(prepared, made, at[0])


def details_of(prepared: PosePrepared, seconds: float, settings: dict[str, Any]) -> dict[str, Any]:
    """What the details row shows."""
    return {
        "seconds": round(seconds, 2),
        "device": str(pipeline().policy),
        "weights": pipeline().weights_label,
        "figures": prepared.figures,
        "settings": settings,
    }


class Wiring:
    """The handlers of the tab, which know its controls."""

    def __init__(self, method: Controls, export: Export) -> None:
        self.method, self.export = method, export

    def preview(self, picture: Any, points: list[np.ndarray], position: float, *values: Any) -> tuple[Any, ...]:
        """Paint as soon as the photo and both skeletons are there."""
        if picture is None or len(points) != len(LABELS):
            return None, None, None, gr.skip()
        options = self.method.read(values)
        start = time.perf_counter()
        prepared = prepare(picture, points, FIRST_POSE, options)
        image, why = painted(prepared, position)
        return prepared, image, why, details_of(prepared, time.perf_counter() - start, to_query(options))

    def show(self, prepared: PosePrepared | None, position: float) -> Any:
        """The preview at the slider's place."""
        if prepared is None:
            return gr.skip(), gr.skip()
        return painted(prepared, position)

    def frame(
        self, picture: Any, target_picture: Any = None, library: str = FIRST_POSE, position: float = 1.0, *values: Any
    ) -> Image.Image:
        """Repaint a person in another pose.

        Args:
            picture: A photo of a whole person.
            target_picture: A photo of somebody in the target pose; left out, the library pose is used.
            library: A name of the pose library.
            position: Where on the way to the target pose, 0 to 1.
            values: The remaining controls.

        Returns:
            The repainted person, lossless.
        """
        prepared = prepare(picture, [], target_picture or library, self.method.read(values))
        return to_pil(pipeline().render(prepared, [position]))[0]

    def video(
        self,
        picture: Any,
        target_picture: Any = None,
        driving: str | None = None,
        library: str = FIRST_POSE,
        points: list[np.ndarray] | None = None,
        *values: Any,
        bar: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds the bar by its default
    ) -> Iterator[Any]:
        """Move a person into a pose, or after a driving clip, and return a video.

        Args:
            picture: A photo of a whole person.
            target_picture: A photo of somebody in the target pose; left out, the library pose is used.
            driving: A clip to follow; left out, the way to the target pose is shown.
            library: A name of the pose library.
            points: Keypoints from the page's editor; left out, they are detected.
            values: The remaining controls.
            bar: Shows how far the work is.

        Returns:
            The video, the file to download and the details.
        """
        count = len(self.method.components)
        options = self.method.read(values[:count])
        timeline, kind = self.export.read(values[count:])
        settings = {"system": ID, **to_query(options), **to_query(timeline)}
        start = time.perf_counter()

        def work(progress: Progress) -> tuple[Any, ...]:
            prepared = prepare(picture, points or [], target_picture or library, options, part_of(progress, 0.0, 0.3))
            rest, fps = part_of(progress, 0.3, 1.0), float(timeline.fps)
            if driving:
                clip = read_video(driving)
                frames, fps = (
                    driven(pipeline(), picture, clip.frames(), AnimationOptions(frames=240), options, rest),
                    clip.fps,
                )
            else:
                frames = pipeline().frames(prepared, timeline, progress=rest)
            shown, file = export_frames(frames, "pose", kind, fps, settings)
            return shown, file, details_of(prepared, time.perf_counter() - start, settings)

        for said in follow(work, bar, (gr.skip(),) * 3):
            yield said[1] if said[0] == "done" else said


def further(
    picture: Image.Image | None,
    driving: str | None = None,
    mode: str = "face",
    azimuth_deg: float = 0,
    bar: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds the bar by its default
) -> Iterator[Any]:
    """Animate a face or a dancer, or turn an object, with the authors' networks.

    Args:
        picture: The face, the dancer or the object.
        driving: The clip to follow (face, dance).
        mode: face, dance, dance-fashion, chair or car.
        azimuth_deg: From which side the object was taken.
        bar: Shows how far the work is.

    Returns:
        The video and the file to download.
    """
    if picture is None:
        raise InputError("the picture is missing: drop in a face, a dancer or an object")

    def work(progress: Progress) -> tuple[Any, ...]:
        settings = {"system": ID, "mode": mode}
        if mode in RECORDS:
            pipe = engine(f"{ID}-{mode}", lambda: AnimationPipeline.from_record(mode))
            if not driving:
                raise InputError("the driving clip is missing: drop in a video to follow")
            clip = read_video(driving)
            prepared = pipe.prepare(picture, clip.frames(), progress=part_of(progress, 0.0, 0.4))
            frames = (to_pil(frame)[0] for frame in pipe.play(prepared))
            return export_frames(frames, mode, "mp4", round(clip.fps), settings)
        turner = engine(f"{ID}-{mode}", lambda: ViewPipeline.from_record(f"gfla-{mode}"))
        seen = turner.prepare(picture, options=ViewOptions(azimuth_deg=float(azimuth_deg)), progress=progress)
        round_trip = to_pil(turner.render(seen, [index / (VIEW_COUNT - 1) for index in range(VIEW_COUNT)]))
        return export_frames(round_trip, mode, "mp4", 6, settings)

    for said in follow(work, bar, (gr.skip(),) * 2):
        yield said[1] if said[0] == "done" else said


def keypoints(picture: Image.Image | None, person: int = 1) -> dict[str, Any]:
    """Find the 18 keypoints of a person.

    Args:
        picture: A photo.
        person: Which person, 1 is the largest.

    Returns:
        Names and points as (x, y) in pixels, (-1, -1) where a point is not seen.
    """
    if picture is None:
        raise InputError("the picture is missing: send a photo of a person")
    points = pipeline().find(picture, int(person))
    return {"names": list(NAMES), "points": points.round(2).tolist(), "width": picture.width, "height": picture.height}


def build() -> None:
    """Draw the tab and wire it."""
    gr.Markdown(INTRODUCTION)
    prepared = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            picture, target_picture, library, driving = _draw_inputs()
            with gr.Accordion("Keypoints", open=True):
                said = gr.Markdown("Keypoints appear when a picture is there.")
                points = PointEditor(
                    paired=False, names=NAMES, edges=pose.LIMBS, label="Keypoints", elem_id=f"{ID}-points"
                )
                with gr.Row():
                    who = controls(PoseOptions, ("person",), ID)
                    again = gr.Button("Detect again", size="sm")
        with gr.Column(scale=2, min_width=320):
            preview = gr.Image(
                label="Preview",
                format="jpeg",
                interactive=False,
                elem_id=f"{ID}-preview",
                height=380,
                buttons=["fullscreen"],
            )
            position = gr.Slider(
                0,
                1,
                1.0,
                step=0.01,
                label="On the way",
                info="0 = the own pose, 1 = the target pose",
                elem_id=f"{ID}-position",
            )
            with gr.Accordion("Flow, mask and attention", open=False):
                why = gr.Image(
                    label="What moved the texture", show_label=False, format="jpeg", interactive=False, height=560,
                    elem_id=f"{ID}-why",
                )  # fmt: skip
            with gr.Accordion("Method", open=False):
                names = [field.name for field in fields_of(PoseOptions) if field.name != "person"]
                rest = controls(PoseOptions, names, ID)
            method = Controls(PoseOptions, {**who.by_name, **rest.by_name})
            export = export_controls(ID)
            with gr.Row():
                go = gr.Button("Make the video", variant="primary", elem_id=f"{ID}-go")
                stop = gr.Button("Stop", variant="stop")
            result = result_view(ID, EXAMPLE if EXAMPLE.exists() else None)
            linked = gr.State(None, time_to_live=3600)
            source: list[Component] = [picture, target_picture, library, *who.components]
            share_link(
                ID,
                {**method.by_name, **export.by_name, "library": library, "position": position},
                {"picture": picture, "target": target_picture, "driving": driving},
                SharedPoints(points, linked, source, (picture, None)),
            )
    wiring = Wiring(method, export)
    quick = {"api_visibility": "private", "concurrency_id": "preview", "concurrency_limit": 2}
    repaint = {
        "fn": wiring.preview,
        "inputs": [picture, points, position, *method.components],
        "outputs": [prepared, preview, why, result.details],
        "show_progress_on": preview,
    }
    find: dict[str, Any] = {"fn": find_points, "outputs": [points, said], **quick}
    gr.on([item.change for item in source], inputs=[*source, linked], trigger_mode="always_last", **find).then(
        trigger_mode="always_last", **repaint, **quick
    )
    # Asked for by hand, keypoints are looked for even if a link brought some.
    again.click(inputs=source, **find).then(trigger_mode="always_last", **repaint, **quick)
    changes = [points.input, *(component.change for component in rest.components)]
    gr.on(changes, **repaint, trigger_mode="always_last", **quick)
    position.change(
        wiring.show,
        [prepared, position],
        [preview, why],
        trigger_mode="always_last",
        show_progress="hidden",
        **quick,
    )
    making = go.click(
        named(wiring.video, method, export.timeline, {"format": "the file to download"}),
        [picture, target_picture, driving, library, points, *method.components, *export.components],
        result.components,
        api_name="gfla_video",
        concurrency_id="work",
        concurrency_limit=2,
        show_progress_on=result.video,
    )
    stop.click(None, None, None, cancels=[making], api_visibility="private")
    _draw_further()
    _serve(wiring, [picture, target_picture, library, position])


def _draw_inputs() -> tuple[PictureInput, PictureInput, gr.Dropdown, gr.Video]:
    picture = PictureInput("Photo of a whole person", elem_id=f"{ID}-picture")
    people = sorted(PEOPLE.glob("*.jpg"), key=lambda file: (file.stem != FIRST_PERSON, file.name))
    gr.Examples(
        [[str(file)] for file in people], [picture], label="Rendered people (ours, CC0)", api_visibility="private"
    )
    library = gr.Dropdown(
        list(poses()), value=FIRST_POSE, label="Target pose", info="from the library; a photo beside it goes first",
        elem_id=f"{ID}-library",
    )  # fmt: skip
    with gr.Row():
        target_picture = PictureInput("Or a photo of somebody in the pose", elem_id=f"{ID}-target", height=180)
        driving = ClipInput("Or a clip to follow", elem_id=f"{ID}-driving", height=180)
    return picture, target_picture, library, driving


def _draw_further() -> None:
    with gr.Accordion("Faces, dance, objects (the authors' weights)", open=False):
        gr.Markdown(FURTHER)
        with gr.Row():
            picture = PictureInput("Face, dancer or object", elem_id=f"{ID}-further-picture", height=180)
            clip = ClipInput("Clip to follow", elem_id=f"{ID}-further-clip", height=180)
            with gr.Column():
                mode = gr.Radio(
                    [*RECORDS, "chair", "car"],
                    value="face",
                    label="Mode",
                    info="what the picture shows",
                    elem_id=f"{ID}-further-mode",
                )
                azimuth = gr.Slider(
                    0,
                    340,
                    0,
                    step=20,
                    label="Side of the object (degrees)",
                    info="from which side it was taken",
                    elem_id=f"{ID}-further-azimuth",
                )
                go = gr.Button("Animate or turn", elem_id=f"{ID}-further-go")
        with gr.Row():
            video = gr.Video(label="Result", interactive=False, elem_id=f"{ID}-further-video", height=300)
            file = gr.File(label="Download", interactive=False, height=80)
    go.click(
        further, [picture, clip, mode, azimuth], [video, file],
        api_name="gfla_further", concurrency_id="work", show_progress_on=video,
    )  # fmt: skip


def _serve(wiring: Wiring, inputs: list[Component]) -> None:
    """Endpoints for programs: what the page does in steps, in one call each."""
    caller = gr.Button(visible=False)
    image = gr.Image(label="Picture", format="png", visible=False)
    answer = gr.JSON(label="Keypoints", visible=False)
    person = gr.Number(1, minimum=1, precision=0, visible=False, label="Person")
    caller.click(
        named(wiring.frame, wiring.method),
        [*inputs, *wiring.method.components],
        image,
        api_name="gfla_frame",
        concurrency_id="work",
    )
    caller.click(keypoints, [inputs[0], person], answer, api_name="gfla_keypoints", concurrency_id="preview")


TAB = Tab(ID, "Pose-guided generation", 5, build, pipeline)
