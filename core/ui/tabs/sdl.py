"""SDL transitions: choose a job, give one or two pictures or a video, drag t."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from core.errors import InputError, unknown_name
from core.image import to_pil
from core.options import to_query
from core.progress import Progress, part_of, silent
from core.sdl.jobs import JOBS, Job, answered_by, job_named, misfit
from core.sdl.options import SDLOptions
from core.ui.parts.authors import Choices, labelled
from core.ui.parts.controls import named
from core.ui.parts.engines import engine
from core.ui.parts.examples import Axis, example_picture
from core.ui.parts.handlers import BAR, PRIVATE, stream
from core.ui.parts.told import told
from core.ui.parts.transition import TransitionTab, about, details_of
from core.ui.parts.wiring import PREVIEW
from core.ui.rate import RatePanel
from core.ui.tabs import Tab

if TYPE_CHECKING:
    from core.sdl.pipeline import SDLPipeline, SDLPrepared

ID = "sdl"
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

INTRODUCTION = """Frames between frames, morphs, ages, toons and styles. Choose a job, drop in its pictures and move the slider.

One network, five jobs; for whole films open *A whole film*.
After Yang et al., *A Space Decoupled Learning Approach to Continuous Image Transition*, 2022. Shipped are small networks of
ours, and image processing for ageing and toon; the authors' weights are for academic use: *Get the authors' weights* below fetches them."""


def pipeline(weights: str) -> SDLPipeline:
    """The one pipeline of this server for these weights."""
    from core.sdl.pipeline import SDLPipeline

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


def interpolation(weights: str) -> SDLPipeline:
    """The pipeline that puts frames between frames."""
    return pipeline(fitting(JOBS["interpolate"], weights))


def fitting(job: Job, weights: str) -> str:
    """The way to use: ours unless another of the job is named."""
    if weights == SHIPPED:
        return job.ways[0]
    if weights not in job.ways:
        raise unknown_name(f"weights for the job {job.name}", weights, (SHIPPED, *job.ways))
    return weights


def choices_of(names: Sequence[str]) -> Choices:
    """Ways to choose from, ours first; those whose weights are absent say so."""
    return labelled({SHIPPED: "", **{name: name for name in names}})


def all_choices() -> Choices:
    """The ways of all jobs."""
    return choices_of([way for job in JOBS.values() for way in job.ways[1:]])


def clamped(job: Job, t: float) -> float:
    """Position t within the job's range: the slider may still stand where another job left it."""
    return min(max(float(t), job.low), job.high)


def choose_job(name: str, t: float, weights: str = SHIPPED) -> list[Any]:
    """The controls as the job needs them: weights, picture labels and the slider; what fits the job keeps its place."""
    job = job_named(name)
    first, second = LABELS[name]
    # Only a place out of range is moved: a link may be setting the slider at this very moment.
    moved = {} if job.low <= t <= job.high else {"value": clamped(job, t)}
    return [
        gr.update(choices=choices_of(job.ways[1:]), value=weights if weights in job.ways else SHIPPED),
        gr.update(label=first),
        gr.update(label=second or "Second picture", visible=job.pictures == 2),
        gr.update(minimum=job.low, maximum=job.high, info=job.slider, **moved),
        job.fits,
    ]


def told_of(job: Job, pipe: SDLPipeline, prepared: SDLPrepared) -> tuple[str, str]:
    """What was found in the pictures and whether it fits; what the job is good for, and who answered."""
    figures, missing = prepared.figures, misfit(job, prepared.figures)
    kinds = {"animals": "heads of animals in both, brought into line by their points"}
    kinds |= {"landmarks": "faces in both, brought into line by their points"}
    kinds |= {"faces": "a face was found"} if figures.get("faces") else {}
    found = next((kinds[kind] for kind in kinds if kind in figures), "the pictures fit")
    said = told("weak", job.title, missing) if missing else told("good", job.title, found)
    return said, f"{job.fits}\n\nAnswered by: {answered_by(figures, pipe.weights_label)}."


# The browser narrows the slider by itself: an answer that came late would undo the range of a job chosen meanwhile.
RANGES = {name: [job.low, job.high] for name, job in JOBS.items()}
NARROW = f"""job => {{
    const [minimum, maximum] = {json.dumps(RANGES)}[job];
    return {{ __type__: "update", minimum, maximum }};
}}"""


# One row per job, each with pictures that it is good at, and a telling t.
EXAMPLE_ROWS: list[list[Any]] = [
    ["morph", example_picture("sally_ride"), example_picture("mae_jemison"), 0.5],
    ["interpolate", example_picture("big_buck_bunny_1"), example_picture("big_buck_bunny_2"), 0.5],
    ["style", example_picture("golden_gate_bridge"), example_picture("starry_night"), 1.0],
    ["style", example_picture("eiffel_tower"), example_picture("great_wave"), 1.0],
    ["style", example_picture("tabby_cat"), example_picture("water_lily_pond"), 1.0],
    ["age", example_picture("sally_ride"), None, 1.0],
    ["toon", example_picture("eileen_collins"), None, 1.0],
]


class SDLTab(TransitionTab):
    """A job, its pictures, and t."""

    id = ID
    introduction = INTRODUCTION
    options = SDLOptions
    frame_s = 1.3
    example_rows = EXAMPLE_ROWS
    before = "first"
    axes = {"t": Axis(JOBS[FIRST].low, JOBS[FIRST].high, 31, 0.5)}

    def draw_inputs(self) -> None:
        """Job, weights, the pictures with their examples, and what the job's weights are good for; a whole video."""
        self.job = gr.Radio(
            CHOICES, value=FIRST, label="Job", info="what the network does with the pictures", elem_id=f"{ID}-job",
            elem_classes="first",
        )  # fmt: skip
        self.pair = self.draw_pair(LABELS[FIRST], ("first", "second"))
        # Programs may ask for any job at once, so the range is that of all jobs until a page narrows it.
        low, high = min(job.low for job in JOBS.values()), max(job.high for job in JOBS.values())
        self.t = gr.Slider(
            low, high, 0.5, step=0.01, label="t", info=JOBS[FIRST].slider, elem_id=f"{ID}-t", interactive=True,
            render=False,
        )  # fmt: skip
        self.draw_told()
        self.filled = self.draw_examples([self.job, *self.pair, self.t])
        self.fits = gr.Markdown(JOBS[FIRST].fits, elem_id=f"{ID}-fits")
        self.weights = gr.Dropdown(
            all_choices(),
            value=SHIPPED, label="Weights", elem_id=f"{ID}-weights",
            info="shipped is ours, without a network for ageing and toon; sdl-ageing and sdl-toon are our networks, the rest the "
            "authors', to be fetched first",
        )  # fmt: skip
        self.film_panel = RatePanel(self, interpolation)
        # In this order: a job that changes looks whether these weights do it.
        self.sliders.update(weights=self.weights, job=self.job, t=self.t)

    def weights_choice(self) -> tuple[Component, Callable[[], Choices]]:
        """The list of weights."""
        return self.weights, all_choices

    def draw_preview(self) -> None:
        """The picture with t."""
        self.draw_picture()
        self.t.render()

    def many(self) -> tuple[Any, list[Component], Component]:
        """One picture of a job, many in the place of its first."""
        inputs = [self.job, self.weights, *self.pair, self.t, *self.method.components]
        return self.frame, inputs, self.pair[0]

    def wire(self) -> None:
        """The pictures are encoded when job, weights, pictures or options change; t needs only a decode."""
        sources, shown = [self.job, self.weights, *self.pair], [self.preview_picture]
        seen = [*shown, self.found, self.fits]
        choose = {"show_progress": "hidden", **PREVIEW}
        chosen = self.job.change(
            choose_job, [self.job, self.t, self.weights], [self.weights, *self.pair, self.t, self.fits], **choose
        )
        encode = self.encoding(self.preview, [*sources, self.t], seen)
        chosen.then(**encode)
        gr.on([self.on_pictures(self.pair)], **encode)
        gr.on([self.weights.input, *(component.change for component in self.method.components)], **encode)
        self.on_sliders(self.show, [self.t], [self.prepared, self.job, self.weights, self.t], shown, encode)
        self.on_clear(shown)
        self.on_go(self.transition, "sdl_transition", sources, after=[self.t])
        self.film_panel.wire(self.weights)
        # An example draws the slider anew, as wide as it was built.
        private: dict[str, Any] = {"js": NARROW, **PRIVATE}
        self.filled.then(None, self.job, self.t, **private)
        if (page := gr.context.Context.root_block) is not None:
            page.load(None, self.job, self.t, **private)
        picture = gr.Image(label="Picture", format="png", visible=False)
        self.endpoint(named(self.frame, self.method), "sdl_frame", self.many()[1], picture)

    def preview(self, name: str, weights: str, first: Any, second: Any, t: float, *values: Any) -> tuple[Any, ...]:
        """Encode as soon as the job's pictures are there."""
        job, start = job_named(name), time.perf_counter()
        if first is None or (job.pictures == 2 and second is None):
            return None, None, "", gr.skip(), gr.skip()
        options, pipe = self.read(values), pipeline(fitting(job, weights))
        prepared = prepare(job, weights, (first, second), options)
        picture = to_pil(pipe.render(prepared, [clamped(job, t)]))[0]
        details = details_of(start, prepared.figures, to_query(options), about(pipe))
        return prepared, picture, *told_of(job, pipe, prepared), details

    def show(self, prepared: SDLPrepared | None, name: str, weights: str, t: float) -> Any:
        """The preview at the slider's place."""
        job = job_named(name)
        pipe = pipeline(fitting(job, weights))
        # While another job is being prepared the slider may already ask for it.
        if prepared is None or prepared.made_for != pipe.identity:
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
        prepared = prepare(chosen, weights, (first, second), self.read(values))
        return to_pil(pipeline(fitting(chosen, weights)).render(prepared, [t]))[0]

    def transition(
        self, job: str, weights: str, first: Any, second: Any = None, *values: Any, t: float = 0.5,
        bar: gr.Progress = BAR,
    ) -> Iterator[Any]:  # fmt: skip
        """Render a video of a transition.

        Args:
            job: interpolate, morph, age, toon or style.
            weights: The record whose weights do the job, or shipped.
            first: The source: first frame, first picture, face, photo, or content.
            second: The target: second frame, second picture, or style; not used by age and toon.
            values: The remaining controls.
            t: Where the preview stands; the video runs over the whole timeline.
            bar: Shows how far the work is.

        Returns:
            The video, the file to download, and the details.
        """
        chosen, order = job_named(job), self.order(values, job=job, weights=weights, t=t)

        def work(progress: Progress) -> tuple[Any, ...]:
            prepared = prepare(chosen, weights, (first, second), order.options, part_of(progress, 0.0, 0.2))
            pipe = pipeline(fitting(chosen, weights))
            frames = pipe.frames(prepared, order.timeline, progress=part_of(progress, 0.2, 1.0))
            return self.film(
                order,
                frames,
                job,
                prepared.figures,
                about(pipe),
                of=(first, second),
                notes=[misfit(job_named(job), prepared.figures)],
            )

        yield from stream(work, bar, 3)


TAB = Tab(ID, "SDL transitions", 3, SDLTab, lambda: [pipeline(job.ways[0]) for job in JOBS.values()])
