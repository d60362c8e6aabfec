"""Pose-guided generation: a person's photo, draggable keypoints, a target pose, the person repainted, and a video."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from gradio.components import Component
from PIL import Image

from core.detect.body import LIMBS, NAMES
from core.errors import NothingFoundError
from core.gfla.methods.retargeting.library import FRAME_HW, draw_figure, library_pose, poses, shown_poses
from core.gfla.options import AnimationOptions, PoseOptions
from core.image import to_pil
from core.options import to_query
from core.progress import Progress, part_of, silent
from core.ui.further import draw_further
from core.ui.objects import ObjectPanel
from core.ui.parts.controls import named
from core.ui.parts.engines import engine
from core.ui.parts.examples import PEOPLE, Axis, example_picture
from core.ui.parts.figures import dropped_in, offered, pose_of_figure
from core.ui.parts.handlers import BAR, stream
from core.ui.parts.picture import ClipInput, PictureInput
from core.ui.parts.points import panel
from core.ui.parts.share import points_for
from core.ui.parts.told import draw_clip_facts, told
from core.ui.parts.transition import TransitionTab, about, details_of
from core.ui.parts.who import others
from core.ui.tabs import Tab
from core.video import read_video

if TYPE_CHECKING:
    from core.gfla.pipeline import PosePipeline, PosePrepared

ID = "gfla"
LABELS = ("Person", "Target pose")
FIRST_POSE = "arms wide"
EXAMPLE_PEOPLE = ("pierrot", "rosa_bonheur", "woman_and_dog")
FOLLOWED = AnimationOptions(frames=240)

INTRODUCTION = """Put a person into another pose. Drop in a photo, choose the pose and move the slider.

The person is cut out, its 18 keypoints are found and can be dragged. The **target pose** comes from the library, from a second
photo or by dragging; or a **clip** leads. By default the photo's own pixels are moved limb by limb (ours); *painter: network*
paints with the network of Ren et al., *Deep Image Spatial Transformation for Person Image Generation*, CVPR 2020, whose shipped
weights know rendered people before grey. *Turn a chair or a car* shows view synthesis."""


def pipeline() -> PosePipeline:
    """The one pose pipeline of this server."""
    from core.gfla.pipeline import PosePipeline

    return engine(ID, PosePipeline.from_record)


def find_points(
    picture: Image.Image | None, target_picture: Image.Image | None, library: str, person: int, given: dict[str, Any] | None = None
) -> tuple[list[dict[str, Any]], str]:  # fmt: skip
    """Keypoints of the person and the target pose in the person's frame, for the editor, and what was found."""
    from core.gfla.methods.puppet.assess import sentences
    from core.gfla.methods.puppet.puppet import before_cut_out
    from core.gfla.methods.puppet.retarget import aimed
    from core.gfla.methods.puppet.skeleton import read_skeleton
    from core.gfla.paper import pose

    if picture is None:
        return [], ""
    pipe, said = pipeline(), ""
    linked = points_for(given, picture, target_picture, library, person)
    if linked:
        return editor_panels(picture, picture, linked[0], linked[1]), "Keypoints as they came with the link."
    shown, everybody = picture, list[dict[str, Any]]()
    try:
        people = pipe.people(picture, "the photo")
    except NothingFoundError as error:
        own = pose.scaled(library_pose("standing"), (picture.height, picture.width), FRAME_HW)
        said = told("bad", LABELS[0], f"{error}. A standing skeleton was put in its place: drag its points there.")
    else:
        if not 1 <= person <= len(people):
            text = f"the photo shows {len(people)} people, number {person} was asked for: choose 1 to {len(people)}."
            return [], told("bad", LABELS[0], text)
        own = people[person - 1].points
        everybody = others(picture, [body.box for body in people], "person", LABELS[0], "person", person)
        shown, cut = before_cut_out(picture, people, person - 1)
        text = " ".join([*sentences(read_skeleton(own), len(people), person), *cut])
        missing = ", ".join(name for name, seen in zip(NAMES, pose.present(own), strict=True) if not seen)
        count = int(pose.present(own).sum())
        text += f" {count} of 18 keypoints found."
        if missing:
            text += f" Missing: {missing}; press Add to place them."
        said = told("weak" if missing or cut else "good", LABELS[0], text)
    target = aimed(read_skeleton(own), pipe.wanted(target_picture or library), picture.size)
    return editor_panels(picture, shown, own, target, everybody), said


def editor_panels(
    picture: Image.Image, shown: Image.Image, own: np.ndarray, target: np.ndarray, everybody: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """The person's keypoints over the cut-out, and the target's over the pale photo, (18, 2) each in the photo's pixels."""
    ground = Image.blend(picture, Image.new("RGB", picture.size, "white"), 0.6)
    return [panel(shown, own, LABELS[0], others=list(everybody)), panel(ground, target, LABELS[1])]


def prepare(
    picture: Image.Image, points: list[np.ndarray], target: Any, options: PoseOptions, progress: Progress = silent
) -> PosePrepared:
    """The person encoded; the editor's points where there are any, else detection and `target`."""
    from core.gfla.paper import pose

    if len(points) != len(LABELS):
        return pipeline().prepare(picture, target, options=options, progress=progress)
    own, wanted = (pose.checked(item) for item in points)
    return pipeline().prepare(picture, wanted, options=options, progress=progress, points=own)


def painted(prepared: PosePrepared, position: float) -> tuple[Image.Image, Image.Image]:
    """The person at a position of the way, and what moved the texture."""
    from core.gfla.methods.puppet.puppet import layers_sheet

    pipe = pipeline()
    at = pipe.poses_at(prepared, [position])
    if prepared.puppet is not None:
        return pipe.moved(prepared, prepared.puppet, at[0]), layers_sheet(prepared.puppet)
    made = pipe.paint(prepared, at)
    return to_pil(pipe.finish(prepared, made))[0], pipe.explain(prepared, made, at[0])


def keypoints(picture: Image.Image, person: int = 1) -> dict[str, Any]:
    """Find the 18 keypoints of a person.

    Args:
        picture: A photo.
        person: Which person, 1 is the largest.

    Returns:
        Names and points as (x, y) in pixels, (-1, -1) where a point is not seen.
    """
    points = pipeline().find(picture, person)
    return {"names": list(NAMES), "points": points.round(2).tolist(), "width": picture.width, "height": picture.height}


class PoseTab(TransitionTab):
    """A person, keypoints, a target pose and the way to it."""

    id = ID
    introduction = INTRODUCTION
    options = PoseOptions
    frame_s = 0.33
    early_fields = ("person",)
    example_rows = [[example_picture(name)] for name in EXAMPLE_PEOPLE] + [[str(PEOPLE / "ben.jpg")]]
    before = "picture"
    axes = {"position": Axis(0, 1, 25, 1.0)}

    def draw_inputs(self) -> None:
        """The photo, the target pose and the keypoints of both."""
        self.library = gr.Dropdown(
            list(poses()), value=FIRST_POSE, label="Target pose", info="from the library; a photo beside it goes first",
            elem_id=f"{ID}-library", elem_classes="first",
        )  # fmt: skip
        first = self.example_rows[0][0]
        with gr.Row(elem_classes="pair first"):
            self.picture = PictureInput("Photo of a whole person", first=first, elem_id=f"{ID}-picture", min_width=120)
            self.target = PictureInput("Or somebody in the pose", elem_id=f"{ID}-target", min_width=120)
        self.draw_told()
        self.draw_examples([self.picture])
        with gr.Accordion("Poses as figures (the person's right side orange, left blue)", open=False):
            self.figures = gr.Gallery(
                [(draw_figure(name), name) for name in shown_poses()], label="Poses", show_label=False, columns=5, height=320, object_fit="contain",
                allow_preview=False, interactive=False, elem_id=f"{ID}-figures",
            )  # fmt: skip
            self.figures.select(pose_of_figure, None, self.library, api_visibility="private")
        with gr.Accordion("A clip to follow", open=False):
            self.driving = ClipInput("Clip", elem_id=f"{ID}-driving", height=180)
            draw_clip_facts(self.driving, ID)
        self.pictures.update(picture=self.picture, target=self.target, driving=self.driving)
        self.source = [self.picture, self.target, self.library]
        self.draw_points(
            "Keypoints", (self.picture, None), paired=False, names=NAMES, edges=LIMBS, elem_id=f"{ID}-points"
        )

    def draw_preview(self) -> None:
        """The person on the way to the pose, and what moved the texture."""
        self.draw_picture()
        self.sliders["library"] = self.library
        info = "0 = the own pose, 1 = the target pose"
        self.position = self.draw_place("position", 1.0, info, label="Pose", interactive=None)
        with gr.Accordion("Flow, mask and attention", open=False):
            self.why = gr.Image(
                label="What moved the texture", show_label=False, format="jpeg", interactive=False, height=560,
                elem_id=f"{ID}-why",
            )  # fmt: skip

    def many(self) -> tuple[Any, list[Component], Component]:
        """One person in the pose, many in the place of the photo."""
        inputs = [self.picture, self.target, self.library, self.position, *self.method.components]
        return self.frame, inputs, self.picture

    def wire(self) -> None:
        """Keypoints when a picture comes, a new code when points or options change, one decode for the slider."""
        shown = [self.preview_picture, self.why]
        both = [gr.State(""), dropped_in(self.picture), self.library]
        encode = self.encoding(
            self.preview, [self.picture, self.editor, self.position, *both], [*shown, self.figures, *both]
        )
        self.on_points(find_points, encode)
        gr.on([self.editor.input, *(component.change for component in self.late.components)], **encode)
        self.on_sliders(self.show, [self.position], [self.prepared, self.position], shown, encode)
        inputs = [self.picture, self.target, self.driving, self.library, self.editor]
        self.on_go(self.video, "gfla_video", inputs, after=[self.position])
        self.on_clear(shown)
        ObjectPanel(self)
        draw_further(self)
        image = gr.Image(label="Picture", format="png", visible=False)
        self.endpoint(named(self.frame, self.method), "gfla_frame", self.many()[1], image)
        answer = gr.JSON(label="Keypoints", visible=False)
        person = gr.Number(1, minimum=1, precision=0, visible=False, label="Person")
        self.endpoint(keypoints, "gfla_keypoints", [self.picture, person], answer, queue="preview")

    def preview(
        self, picture: Any, points: Any, position: float, borne: str, dropped: bool, library: str, *values: Any
    ) -> Any:
        """Paint as soon as the photo and both skeletons are there; `offered` explains the last three."""
        if picture is None or len(points) != len(LABELS):
            return None, None, None, *(gr.skip(),) * 5
        options, start = self.read(values), time.perf_counter()
        prepared = prepare(picture, points, FIRST_POSE, options)
        image, why = painted(prepared, position)
        details = details_of(start, prepared.figures, to_query(options), about(pipeline()))
        return prepared, image, why, *offered(prepared, borne, dropped, library), details

    def show(self, prepared: PosePrepared | None, position: float) -> Any:
        """The preview at the slider's place."""
        return (gr.skip(), gr.skip()) if prepared is None else painted(prepared, position)

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
        prepared = prepare(picture, [], target_picture or library, self.read(values))
        return to_pil(pipeline().render(prepared, [position]))[0]

    def video(
        self, picture: Any, target_picture: Any = None, driving: str | None = None, library: str = FIRST_POSE,
        points: list[np.ndarray] | None = None, *values: Any, position: float = 1.0, bar: gr.Progress = BAR,
    ) -> Iterator[Any]:  # fmt: skip
        """Move a person into a pose, or after a driving clip, and return a video.

        Args:
            picture: A photo of a whole person.
            target_picture: A photo of somebody in the target pose; left out, the library pose is used.
            driving: A clip to follow; left out, the way to the target pose is shown.
            library: A name of the pose library.
            points: Keypoints from the page's editor; left out, they are detected.
            values: The remaining controls.
            position: Where the preview stands; the video runs over the whole timeline.
            bar: Shows how far the work is.

        Returns:
            The video, the file to download and the details.
        """
        from core.gfla.pipeline_animation import driven

        order, target = self.order(values, library=library, position=position), target_picture or library

        def work(progress: Progress) -> tuple[Any, ...]:
            prepared = prepare(picture, points or [], target, order.options, part_of(progress, 0.0, 0.3))
            rest, pipe, fps = part_of(progress, 0.3, 1.0), pipeline(), float(order.timeline.fps)
            if driving:
                clip = read_video(driving)
                frames, fps = driven(pipe, picture, clip.frames(), FOLLOWED, order.options, rest), clip.fps
            else:
                frames = pipe.frames(prepared, order.timeline, progress=rest)
            facts = prepared.figures, about(pipe), fps, (picture,)
            return self.film(order, frames, "pose", *facts, notes=prepared.notes)

        yield from stream(work, bar, 3)


TAB = Tab(ID, "Pose-guided generation", 5, PoseTab, pipeline)
