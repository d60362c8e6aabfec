"""What the model cards of exported weights say."""

from __future__ import annotations

from pathlib import Path

from core.gfla.options import GflaTrainOptions

PEOPLE = {
    "title": "GFLA people, preview",
    "summary": "A narrow pose-guided generator at 96 x 128 pixels. Beside the published parts (global flow, local "
    "attention) it has limb layers: the source's limbs, each moved rigidly to where the target skeleton has it, among "
    "which it chooses per pixel; what no limb shows is painted by the decoder in the colours of the person's pieces. "
    "Plain ground is a choice of its own, and layers bring none along, so that outlines are sharp. Layers are copied at "
    "the result's size, so that prints keep the photo's own detail, and so does the head, which is "
    "laid whole. See `core/gfla/methods/limb_layers`. People stand before plain grey.\n\n"
    "![held-out people: source, spline warp, painted, true](sheet.png)",
    "data": "3,168 pictures of 396 people rendered by us from MakeHuman assets (CC0); identities ending in 7 held out",
    "licence": "CC0-1.0",
    "licence_id": "cc0-1.0",
    "limits": "Trained on renderings only, for some three hours in all on a shared processor core; photos are off "
    "its path. What the source does not show is plain or wrong: the front of a person seen from behind, "
    "legs and shoes below an upper-body picture (they get the colours of what is seen), the inside of a "
    "turned hand. The head is a copy: it keeps the view that the photo has, upright, mirrored or leaning "
    "with the neck, whichever fits the target's joints best, and does not turn; in a video a mirrored "
    "head appears at once. At the neck a collar or a little hair may be cut off. Where one limb hides "
    "another in the source, a piece of the hiding one may stay: a hand before the hip can leave its "
    "shape on the trousers. Hands are small and simple. Library poses from behind keep showing the face. "
    "Skirts and long hair follow the nearest limb. Clothes in just the ground's grey may lose texture. "
    "Backgrounds are not painted.",
}


VIEWS = {
    "title": "GFLA views of drawn chairs and cars, preview, 128 px",
    "summary": "The published view network, narrow, at 128 x 128 pixels for chairs and cars together. Its finest flow and mask also "
    "move the picture's own pixels, and its view codes change sign in the middle, so that instance norm keeps them "
    "(`core/gfla/methods/object_model/copying.py`). **The fitted object model beats it on every figure and answers first**; "
    "this network is for trying the paper's own way. SSIM on 8 chairs and 8 cars that it never saw (`bench/quality_views.py`), "
    "told the side: 0.724 and 0.773; copying the picture 0.680 and 0.748; its flow alone 0.672 and 0.740; the fitted model, "
    "which finds the side itself, 0.803 and 0.843.\n\n"
    "![held-out objects: source, moved by the flow alone, painted, true](sheet.png)",
    "data": "chairs and cars drawn by us while it trained (core/gfla/data/drawn_views.py, CC0); benches and the sheet draw with "
    "seeds that training does not use",
    "licence": "CC0-1.0",
    "licence_id": "cc0-1.0",
    "limits": "Trained for about half an hour on a share of one processor core, a small fraction of what the paper trains: "
    "what the picture shows is moved only roughly, what it does not show becomes a brownish blur, legs get lost. Photos are "
    "beyond it. Views are on the paper's grid of 18 sides and 3 heights.",
}


def card_texts(options: GflaTrainOptions) -> dict[str, str]:
    """The fields of a run's card; on somebody's own data the licence is theirs to add."""
    if options.task == "people":
        return PEOPLE
    if options.task == "views" and options.data == "drawn":
        return VIEWS
    task = f"{options.task} {options.subset}".strip()
    return {
        "title": f"GFLA {task}", "summary": f"The {task} network of core/gfla, trained on own data.",
        "data": f"{Path(options.data).name}: say here which data these are and what was held out",
        "licence": "that of the data: say here", "licence_id": "other", "limits": "Say here what it cannot do.",
    }  # fmt: skip
