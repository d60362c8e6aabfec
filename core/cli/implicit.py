"""`python -m core implicit`: landmarks, fits, frames, videos, batches, photographs as networks, Poisson clones, alignment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from core.cli.flags import Result, folder, one_of, picture_file, system, verb, video_file
from core.cli.implicit_many import app as many
from core.errors import InputError, OptionError
from core.implicit.options import BLENDS, ImplicitOptions
from core.progress import Progress, part_of
from core.timeline import Timeline

CLONES = {
    "source2target": ("poisson_first", "second"), "target2source": ("poisson_second", "first"),
    "avgclone": ("poisson_average", ""), "mixclone": ("poisson_mixed", ""),
}  # fmt: skip

app = system(
    "implicit",
    "Morph two portraits: a warp without folds carries landmark to landmark, blending is separate from it.",
    """examples:
  python -m core implicit video anna.jpg ben.jpg --out morph.mp4
  python -m core implicit chain anna.jpg ben.jpg cara.jpg --closed --out round.mp4
  python -m core implicit fit anna.jpg ben.jpg --out fits/anna-ben
  python -m core implicit render fits/anna-ben --timesteps 0 0.25 0.5 --blending-types linear seamless_mix
  python -m core implicit batch pairs.txt --pictures photos/ --out results/ --n-tasks 2 --skip-finished
The published scripts: warp-train = fit and batch, warp-inference-image = render, warp-inference-vid = video,
mark-warp-points and detect-landmarks = landmarks, create-experiment-files = experiments, poisson-blending = poisson,
create-initial-states = image-fit, align = align.""",
)

app.add_typer(many, name=None)
HERE = Path()


@dataclass(frozen=True)
class Pair:
    """What a morph is made of, or where it lies."""

    inputs: Annotated[
        list[Path], Argument(metavar="INPUT", help="two pictures, a fitted folder, or an experiment.yaml")
    ]
    source_landmarks: Annotated[Path | None, Option(help="first picture's .json .yaml .dat or .tem")] = None
    target_landmarks: Annotated[Path | None, Option(help="second picture's; give both or none")] = None
    checkpoint: Annotated[str, Option("--checkpoint", "-c", help="of a published result: last, best or a step")] = (
        "last"
    )

    def fit(self, options: Any, progress: Progress) -> Any:
        """The fit that the inputs name, made or loaded."""
        from core.image import load_image
        from core.implicit.paper.landmark_files import read_landmarks
        from core.implicit.pipeline import ImplicitMorphPipeline

        if len(self.inputs) == 1:
            return self._one(self.inputs[0], options, progress)
        if len(self.inputs) != 2:
            raise InputError(
                f"{len(self.inputs)} inputs came: give two pictures, or one fitted folder or experiment file"
            )
        first, second = (load_image(path) for path in self.inputs)
        source, target = self.source_landmarks, self.target_landmarks
        points_a = read_landmarks(source, first.size, "sources") if source else None
        points_b = read_landmarks(target, second.size, "targets") if target else None
        points = {"points_a": points_a, "points_b": points_b}
        return ImplicitMorphPipeline().prepare(first, second, options=options, progress=progress, **points)

    def _one(self, path: Path, options: Any, progress: Progress) -> Any:
        """A fitted folder; or an experiment file, whose published result is taken if it lies beside it, else made now."""
        from core.implicit.data.fit_folder import load_fit, load_published_fit
        from core.implicit.paper.experiment import read_experiment
        from core.implicit.training.batch import Job, prepare_job

        if path.suffix in (".yaml", ".yml"):
            if (path.parent / "weights.pth").is_file() or self.checkpoint != "last":
                return load_published_fit(path, self.checkpoint, options, progress)
            return prepare_job(Job(read_experiment(path), options, HERE), progress)
        if path.is_file():
            raise InputError(f"{path} came alone: give two pictures, or one fitted folder or experiment file")
        return load_fit(path, progress)


def _folder_flag(*names: str) -> Any:
    return Option(*names, callback=folder, help="folder")


@verb(app, "anna.jpg ben.jpg --out fits/anna-ben")
def fit(
    pair: Pair,
    morph: ImplicitOptions,
    progress: Progress,
    out: Annotated[Path, _folder_flag("--out", "-o", "--output-path")] = Path("fit"),
) -> Result:
    """Fit the warp and keep it in a folder."""
    from core.implicit.data.fit_folder import save_fit

    prepared = pair.fit(morph, progress)
    return {
        "folder": str(save_fit(prepared, out)),
        "recipe": prepared.options.recipe,
        **prepared.figures,
        "notes": list(prepared.notes),
    }


@verb(app, "fits/anna-ben --timesteps 0 0.5 1 --blending-types linear max")
def render(
    pair: Pair,
    morph: ImplicitOptions,
    progress: Progress,
    out: Annotated[Path, _folder_flag("--out", "-o")] = HERE,
    timesteps: Annotated[
        list[float] | None, Option("--timesteps", "-t", metavar="T ...", help="warp times in [0, 1]; 0.5 if left out")
    ] = None,
    appearance: Annotated[
        list[float] | None, Option(metavar="WEIGHT ...", help="blend weights, one per time; the times if left out")
    ] = None,
    blending_types: Annotated[
        list[str] | None,
        Option("--blending-types", "-b", metavar="BLEND ...", help="several ways of blending; --blend if left out"),
    ] = None,
    landmarks: Annotated[bool, Option("--landmarks", "-l", help="draw the landmarks: first red, second green")] = False,
) -> Result:
    """Write single frames: `frame_{t}_{blend}.png` for every time and way of blending."""
    from core.errors import unknown_name
    from core.image import SRGB_PROFILE, to_pil
    from core.implicit.pipeline import ImplicitMorphPipeline
    from core.implicit.prepared import draw_landmarks

    times = timesteps or [0.5]
    weights = appearance or times
    if len(weights) != len(times):
        raise InputError(f"{len(times)} times came with {len(weights)} appearance values: give one for each")
    for kind in blending_types or ():
        if kind not in BLENDS:
            raise unknown_name("way of blending", kind, BLENDS)
    for name, values in (("time", times), ("appearance", weights)):
        if wrong := [value for value in values if not 0 <= value <= 1]:
            raise OptionError(f"the {name} {wrong[0]} does not lie between 0 and 1")
    prepared = pair.fit(morph, progress)
    out.mkdir(parents=True, exist_ok=True)
    written, pipe = [], ImplicitMorphPipeline()
    for kind in blending_types or [morph.blend]:
        for t, weight in zip(times, weights, strict=True):
            frame = to_pil(pipe.render(prepared, [t], [weight], blend=kind, background=morph.background))[0]
            if landmarks:
                frame = draw_landmarks(frame, prepared, prepared.shape_at(t, kind))
            apart = "" if weight == t else f"_{weight:g}"
            path = out / f"frame_{t:g}{apart}_{kind}{'_landmarks' if landmarks else ''}.png"
            frame.save(path, icc_profile=SRGB_PROFILE)
            written.append(str(path))
    return {"frames": written, **prepared.figures, "notes": list(prepared.notes)}


@verb(app, "anna.jpg ben.jpg --out morph.mp4")
def video(
    pair: Pair,
    morph: ImplicitOptions,
    timeline: Timeline,
    progress: Progress,
    out: Annotated[Path, Option("--out", "-o", callback=video_file, help=".mp4 .gif .webp .png .zip")] = Path(
        "morph.mp4"
    ),
) -> Result:
    """A video from one picture to the other."""
    from core.implicit.pipeline import ImplicitMorphPipeline
    from core.options import to_query
    from core.video import write_video

    count = len(timeline.positions())
    share = part_of(progress, 0.0, 0.4)
    prepared = pair.fit(morph, share)
    controls = {"blend": morph.blend, "background": morph.background}
    frames = ImplicitMorphPipeline().frames(prepared, timeline, part_of(progress, 0.4, 1.0), **controls)
    settings = {"system": "implicit", **to_query(prepared.options), **to_query(timeline)}
    path = write_video(frames, out, timeline.fps, settings)
    return {"video": str(path), "frames": count, **prepared.figures, "notes": list(prepared.notes)}


@verb(app, "anna.jpg ben.jpg cara.jpg --closed --out round.mp4")
def chain(
    inputs: Annotated[list[Path], Argument(help="portraits in order")],
    morph: ImplicitOptions,
    timeline: Timeline,
    progress: Progress,
    out: Annotated[Path, Option("--out", "-o", callback=video_file, help=".mp4 .gif .webp .png .zip")] = Path(
        "chain.mp4"
    ),
    closed: Annotated[bool, Option("--closed", help="go back to the first at the end")] = False,
) -> Result:
    """A video through three portraits or more; `--frames` counts those of the whole."""
    from core.implicit.chain import ImplicitChainPipeline
    from core.options import to_query
    from core.video import write_video

    count, pipe = len(timeline.positions()), ImplicitChainPipeline()
    prepared = pipe.prepare(*inputs, options=morph, progress=part_of(progress, 0.0, 0.4), closed=closed)
    controls = {"blend": morph.blend, "background": morph.background}
    frames = pipe.frames(prepared, timeline, part_of(progress, 0.4, 1.0), **controls)
    path = write_video(frames, out, timeline.fps, {"system": "implicit", **to_query(morph), **to_query(timeline)})
    return {"video": str(path), "frames": count, **prepared.figures, "notes": list(prepared.notes)}


@verb(app, "anna.jpg ben.jpg cara.jpg --out mean.png")
def average(
    inputs: Annotated[list[Path], Argument(help="portraits")],
    morph: ImplicitOptions,
    progress: Progress,
    out: Annotated[Path, Option("--out", "-o", callback=picture_file, help="picture")] = Path("average.png"),
    around: Annotated[int, Option(min=0, help="whose hair and clothes, 1 is the first; 0 chooses")] = 0,
) -> Result:
    """The average of several faces, with one person's hair, clothes and surroundings."""
    from core.image import SRGB_PROFILE
    from core.implicit.chain import average_faces

    found = average_faces(inputs, morph, progress, around)
    out.parent.mkdir(parents=True, exist_ok=True)
    found.picture.save(out, icc_profile=SRGB_PROFILE)
    return {"picture": str(out), "around": found.around, **found.figures}


@verb(app, "anna.jpg ben.jpg --gradient-transfer mixclone --background first --out clone.png")
def poisson(
    pair: Pair,
    morph: ImplicitOptions,
    progress: Progress,
    out: Annotated[Path, Option("--out", "-o", callback=picture_file, help="picture")] = Path("poisson.png"),
    timestep: Annotated[float, Option(min=0, max=1, help="warp time")] = 0.5,
    gradient_transfer: Annotated[
        str, one_of(CLONES, "whose gradients are kept", "--gradient-transfer", "-g")
    ] = "mixclone",
    neural: Annotated[bool, Option("--neural", help="train the published network instead of solving directly")] = False,
    epochs: Annotated[int, Option(min=1, help="of the network")] = 2001,
) -> Result:
    """Clone one face onto the other in the gradient domain."""
    from core.image import SRGB_PROFILE, to_pil
    from core.implicit.methods.blending.blend import background_of
    from core.implicit.methods.poisson_solver.neural import neural_clone
    from core.implicit.pipeline import ImplicitMorphPipeline
    from core.implicit.prepared import face_region, warped_pictures

    kind, background = CLONES[gradient_transfer]
    background = background or morph.background
    share = part_of(progress, 0.0, 0.2 if neural else 1.0)
    prepared = pair.fit(morph, share)
    if neural:
        pictures, mask = warped_pictures(prepared, timestep), face_region(prepared, timestep)
        around = background_of(*pictures, timestep, background)
        guided = kind.removeprefix("poisson_")
        frame = neural_clone(pictures, around, mask, timestep, guided, epochs, part_of(progress, 0.2, 1.0))
    else:
        frame = ImplicitMorphPipeline().render(prepared, [timestep], blend=kind, background=background)
    out.parent.mkdir(parents=True, exist_ok=True)
    to_pil(frame)[0].save(out, icc_profile=SRGB_PROFILE)
    return {"picture": str(out), **prepared.figures, "notes": list(prepared.notes)}
