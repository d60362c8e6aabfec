"""SDL transitions: choose a job, give one or two pictures or a video, drag t."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from core.errors import InputError, unknown_name
from core.image import to_pil
from core.options import to_query
from core.progress import Progress, part_of, silent
from core.sdl.jobs import JOBS, Job, job_named
from core.sdl.options import RateOptions, SDLOptions
from core.sdl.pipeline import SDLPipeline, SDLPrepared
from core.sdl.video_rate import convert_video
from core.ui.parts.controls import Controls, controls, named
from core.ui.parts.engines import engine
from core.ui.parts.examples import EXAMPLES, HEADS
from core.ui.parts.export import Export, export_controls, export_frames, result_view
from core.ui.parts.handlers import follow, result_folder
from core.ui.parts.picture import ClipInput, PictureInput
from core.ui.parts.share import share_link
from core.ui.tabs import Tab

ID = "sdl"
EXAMPLE = EXAMPLES / "sdl.mp4"
LABELS = {
    "interpolate": ("First frame", "Second frame"),
    "morph": ("First picture", "Second picture"),
    "age": ("Face", ""),
    "toon": ("Photo", ""),
    "style": ("Content", "Style"),
}
CHOICES = [(job.title, job.name) for job in JOBS.values()]
FIRST = "morph"
SHIPPED = "shipped"

INTRODUCTION = """One network, five jobs, one slider. Choose a **job**, drop in its pictures and drag **t**; for whole videos
open *A whole video* below.
After Yang et al., *A Space Decoupled Learning Approach to Continuous Image Transition*, 2022. The shipped weights are small
networks of ours; the authors' weights are for academic use and can be added with `python -m core weights pull`."""


def pipeline(weights: str) -> SDLPipeline:
    """The one pipeline of this server for these weights."""
    return engine(f"{ID}:{weights}", lambda: SDLPipeline.from_record(weights))


def prepare(
    job: Job, weights: str, pictures: tuple[Any, Any], options: SDLOptions, progress: Progress = silent
) -> SDLPrepared:
    """The job's pictures, encoded."""
    given = pictures[: job.pictures]
    for name, label, picture in zip(("first", "second"), LABELS[job.name], given, strict=False):
        if picture is None:
            raise InputError(f"{name} ({label}) is missing: the job {job.name} needs this picture")
    return pipeline(fitting(job, weights)).prepare(*given, options=options, progress=progress)


def fitting(job: Job, weights: str) -> str:
    """The record to use: the job's shipped one unless another of the job is named."""
    if weights == SHIPPED:
        return job.records[0]
    if weights not in job.records:
        raise unknown_name(f"weights for the job {job.name}", weights, (SHIPPED, *job.records))
    return weights


def details_of(prepared: SDLPrepared, pipe: SDLPipeline, seconds: float, settings: dict[str, Any]) -> dict[str, Any]:
    """What the details row shows."""
    return {
        "seconds": round(seconds, 2),
        "device": str(pipe.policy),
        "weights": pipe.weights_label,
        "figures": prepared.figures,
        "settings": settings,
    }


class Wiring:
    """The handlers of the tab, which know its controls."""

    def __init__(self, method: Controls, export: Export, rate: Controls) -> None:
        self.method, self.export, self.rate = method, export, rate

    def preview(self, name: str, weights: str, first: Any, second: Any, t: float, *values: Any) -> tuple[Any, ...]:
        """Encode as soon as the job's pictures are there."""
        job = job_named(name)
        if first is None or (job.pictures == 2 and second is None):
            return None, None, gr.skip()
        start = time.perf_counter()
        options, pipe = self.method.read(values), pipeline(fitting(job, weights))
        prepared = prepare(job, weights, (first, second), options)
        picture = to_pil(pipe.render(prepared, [clamped(job, t)]))[0]
        return prepared, picture, details_of(prepared, pipe, time.perf_counter() - start, to_query(options))

    def show(self, prepared: SDLPrepared | None, name: str, weights: str, t: float) -> Any:
        """The preview at the slider's place."""
        job = job_named(name)
        if prepared is None:
            return gr.skip()
        pipe = pipeline(fitting(job, weights))
        # While another job is being prepared the slider may already ask for it.
        if prepared.made_for != pipe.identity:
            return gr.skip()
        return to_pil(pipe.render(prepared, [clamped(job, t)]))[0]

    def frame(
        self, job: str, weights: str, first: Any, second: Any = None, t: float = 0.5, *values: Any
    ) -> Image.Image:
        """Render one picture of a transition.

        Args:
            job: interpolate, morph, age, toon or style.
            weights: The record whose weights do the job, or shipped.
            first: The source: first frame, first picture, face, photo, or content.
            second: The target: second frame, second picture, or style; not used by age and toon.
            t: Position, 0 is the source.
            values: The remaining controls.

        Returns:
            The picture at t, lossless.
        """
        chosen = job_named(job)
        prepared = prepare(chosen, weights, (first, second), self.method.read(values))
        return to_pil(pipeline(fitting(chosen, weights)).render(prepared, [t]))[0]

    def transition(
        self,
        job: str,
        weights: str,
        first: Any,
        second: Any = None,
        *values: Any,
        bar: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds the bar by its default
    ) -> Iterator[Any]:
        """Render a video of a transition.

        Args:
            job: interpolate, morph, age, toon or style.
            weights: The record whose weights do the job, or shipped.
            first: The source: first frame, first picture, face, photo, or content.
            second: The target: second frame, second picture, or style; not used by age and toon.
            values: The remaining controls.
            bar: Shows how far the work is.

        Returns:
            The video, the file to download, and the details.
        """
        chosen, count = job_named(job), len(self.method.components)
        options = self.method.read(values[:count])
        timeline, kind = self.export.read(values[count:])
        settings = {"system": ID, "job": job, **to_query(options), **to_query(timeline)}
        start = time.perf_counter()

        def work(progress: Progress) -> tuple[Any, ...]:
            prepared = prepare(chosen, weights, (first, second), options, part_of(progress, 0.0, 0.2))
            pipe = pipeline(fitting(chosen, weights))
            frames = pipe.frames(prepared, timeline, progress=part_of(progress, 0.2, 1.0))
            shown, file = export_frames(frames, job, kind, timeline.fps, settings)
            return shown, file, details_of(prepared, pipe, time.perf_counter() - start, settings)

        for said in follow(work, bar, (gr.skip(),) * 3):
            yield said[1] if said[0] == "done" else said

    def multiply(
        self,
        video: str | None,
        weights: str,
        *values: Any,
        bar: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds the bar by its default
    ) -> Iterator[Any]:
        """Give a video a higher frame rate, or slow it down.

        Args:
            video: Any video that ffmpeg reads.
            weights: The record of interpolation weights, or shipped.
            values: The remaining controls.
            bar: Shows how far the work is.

        Returns:
            The video, the file to download, and the details.
        """
        if video is None:
            raise InputError("the video is missing: drop one in")
        options, job = self.rate.read(values), JOBS["interpolate"]
        start = time.perf_counter()

        def work(progress: Progress) -> tuple[Any, ...]:
            path = result_folder() / "smooth.mp4"
            pipe = pipeline(fitting(job, weights))
            report = convert_video(pipe, video, path, options, progress)
            details = {
                "seconds": round(time.perf_counter() - start, 2),
                "device": str(pipe.policy),
                "weights": pipe.weights_label,
                "figures": vars(report),
                "settings": {"system": ID, **to_query(options)},
            }
            return str(path), str(path), details

        for said in follow(work, bar, (gr.skip(),) * 3):
            yield said[1] if said[0] == "done" else said


def clamped(job: Job, t: float) -> float:
    """Position t within the job's range: the slider may still stand where another job left it."""
    return min(max(float(t), job.low), job.high)


def choose_job(name: str, t: float) -> list[Any]:
    """The controls as the job needs them: weights, picture labels and the slider, which keeps its place if it can."""
    job = job_named(name)
    first, second = LABELS[name]
    # Only a place out of range is moved: a link may be setting the slider at this very moment.
    moved = {} if job.low <= t <= job.high else {"value": clamped(job, t)}
    return [
        gr.update(choices=[SHIPPED, *job.records[1:]], value=SHIPPED),
        gr.update(label=first),
        gr.update(label=second or "Second picture", visible=job.pictures == 2),
        gr.update(minimum=job.low, maximum=job.high, info=job.slider, **moved),
        job.fits,
    ]


def narrow(name: str) -> Any:
    """The slider's range for the job that stands there when the page opens."""
    job = job_named(name)
    return gr.update(minimum=job.low, maximum=job.high)


def build() -> None:
    """Draw the tab and wire it."""
    gr.Markdown(INTRODUCTION)
    prepared = gr.State(None, time_to_live=3600)
    # Programs may ask for any job at once, so the range is that of all jobs until a page narrows it.
    low, high = min(j.low for j in JOBS.values()), max(j.high for j in JOBS.values())
    t = gr.Slider(
        low, high, 0.5, step=0.01, label="t", info=JOBS[FIRST].slider, elem_id=f"{ID}-t", interactive=True,
        render=False,
    )  # fmt: skip
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            job, weights, pair, fits, examples = _draw_inputs(t)
            with gr.Accordion("A whole video", open=False):
                clip = ClipInput("Video", elem_id=f"{ID}-clip", height=240)
                rate = controls(RateOptions, tab=f"{ID}-rate")
                with gr.Row():
                    smooth = gr.Button("Multiply frames", variant="primary", elem_id=f"{ID}-rate-go")
                    halt = gr.Button("Stop the video", variant="stop")
        with gr.Column(scale=2, min_width=320):
            preview = gr.Image(
                label="Preview", format="jpeg", interactive=False, elem_id=f"{ID}-preview", height=380,
                buttons=["fullscreen"],
            )  # fmt: skip
            t.render()
            with gr.Accordion("Method", open=False):
                method = controls(SDLOptions, tab=ID)
            export = export_controls(ID)
            with gr.Row():
                go = gr.Button("Make the video", variant="primary", elem_id=f"{ID}-go")
                stop = gr.Button("Stop", variant="stop")
            result = result_view(ID, EXAMPLE if EXAMPLE.exists() else None)
            share_link(
                ID,
                {"job": job, **method.by_name, **export.by_name, "t": t},
                {**dict(zip(("first", "second"), pair, strict=True)), "clip": clip},
            )

    wiring = Wiring(method, export, rate)
    sources: list[Component] = [job, weights, *pair]
    quick: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "preview", "concurrency_limit": 2}
    chosen = job.change(choose_job, [job, t], [weights, *pair, t, fits], show_progress="hidden", **quick)
    preparing = {
        "fn": wiring.preview,
        "inputs": [*sources, t, *method.components],
        "outputs": [prepared, preview, result.details],
    }
    chosen.then(trigger_mode="always_last", **preparing, show_progress_on=preview, **quick)
    changes = [picture.change for picture in pair] + [weights.input] + [c.change for c in method.components]
    gr.on(changes, **preparing, trigger_mode="always_last", show_progress_on=preview, **quick)
    gr.on(
        [t.change], wiring.show, [prepared, job, weights, t], preview,
        trigger_mode="always_last", show_progress="hidden", **quick,
    )  # fmt: skip
    making = go.click(
        named(wiring.transition, method, export.timeline, {"format": "the file to download"}),
        [*sources, *method.components, *export.components],
        result.components,
        api_name="sdl_transition",
        concurrency_id="work",
        concurrency_limit=2,
        show_progress_on=result.video,
    )
    stop.click(None, None, None, cancels=[making], api_visibility="private")
    multiplying = smooth.click(
        named(wiring.multiply, rate),
        [clip, weights, *rate.components],
        result.components,
        api_name="sdl_rate",
        concurrency_id="work",
        concurrency_limit=2,
        show_progress_on=result.video,
    )
    halt.click(None, None, None, cancels=[multiplying], api_visibility="private")
    # An example draws the slider anew, as wide as it was built.
    examples.load_input_event.then(narrow, job, t, api_visibility="private", show_progress="hidden")
    if (page := gr.context.Context.root_block) is not None:
        page.load(narrow, job, t, api_visibility="private", show_progress="hidden")
    _serve(wiring, sources, t)


def _examples() -> list[list[str | float | None]]:
    """One row per job, each with pictures that it is good at, and a telling t; all are ours."""
    drawn = EXAMPLES / "sdl"
    heads = [str(file) for file in sorted(HEADS.glob("*.jpg"))]
    balloon = [str(drawn / f"balloon-{number}.jpg") for number in (1, 2)]
    return [
        ["morph", str(HEADS / "anders.jpg"), str(HEADS / "kofi.jpg"), 0.5],
        ["interpolate", *balloon, 0.5],
        ["age", heads[0], None, 1.0],
        ["toon", balloon[0], None, 1.0],
        ["style", balloon[0], str(drawn / "swirls.jpg"), 1.0],
        ["style", heads[2], str(drawn / "tiles.jpg"), 1.0],
        ["toon", heads[2], None, 1.0],
    ]


def _draw_inputs(t: gr.Slider) -> tuple[gr.Radio, gr.Dropdown, list[PictureInput], gr.Markdown, gr.Examples]:
    """Job, weights, the pictures with their examples, and what the job's weights are good for."""
    job = gr.Radio(
        CHOICES, value=FIRST, label="Job", info="what the network does with the pictures", elem_id=f"{ID}-job"
    )
    fits = gr.Markdown(JOBS[FIRST].fits, elem_id=f"{ID}-fits")
    weights = gr.Dropdown(
        [SHIPPED, *(record for entry in JOBS.values() for record in entry.records[1:])],
        value=SHIPPED, label="Weights", elem_id=f"{ID}-weights",
        info="shipped are our small networks; the others are the authors' and must be fetched first",
    )  # fmt: skip
    with gr.Row():
        pair = [
            PictureInput(label, elem_id=f"{ID}-picture-{letter}")
            for label, letter in zip(LABELS[FIRST], "ab", strict=True)
        ]
    examples = gr.Examples(
        _examples(),
        [job, *pair, t],
        label="One for every job (our renderings and drawings, CC0)",
        api_visibility="private",
    )
    return job, weights, pair, fits, examples


def _serve(wiring: Wiring, sources: list[Component], t: gr.Slider) -> None:
    """An endpoint for programs: one picture in one call."""
    caller = gr.Button(visible=False)
    picture = gr.Image(label="Picture", format="png", visible=False)
    caller.click(
        named(wiring.frame, wiring.method),
        [*sources, t, *wiring.method.components],
        picture,
        api_name="sdl_frame",
        concurrency_id="work",
    )


TAB = Tab(ID, "SDL transitions", 3, build, lambda: [pipeline(job.records[0]) for job in JOBS.values()])
