"""The poses of the library as figures to click, in the order in which a photo bears them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from core.gfla.methods.retargeting.library import draw_figure
from core.ui.parts.handlers import PRIVATE

if TYPE_CHECKING:
    from core.gfla.pipeline import PosePrepared


def pose_of_figure(event: gr.SelectData) -> str:
    """The name of the figure that was clicked."""
    return str(event.value["caption"]).split(":")[0]


def dropped_in(picture: gr.Image) -> gr.State:
    """Whether a person, no link and no example, put the picture there, and no pose was chosen for it yet."""
    state = gr.State(False)
    picture.upload(lambda: True, None, state, queue=False, **PRIVATE)
    return state


def offered(prepared: PosePrepared | None, last: str, dropped: bool, pose: str) -> tuple[Any, str, bool, Any]:
    """The figures in the order in which the photo bears their poses, the others with the reason; once for each photo.

    Args:
        prepared: with the photo's puppet.
        last: for which photo the figures stand.
        dropped: whether somebody just dropped the photo in, and has not chosen a pose for it.
        pose: the library's pose that is chosen.

    Returns:
        Figures, the photo they stand for, False as `dropped` from now on, and the pose: a photo just dropped in that does
        not bear the chosen one shows the best that it bears.
    """
    from core.gfla.methods.puppet.offers import offers

    puppet = None if prepared is None else prepared.puppet
    key = "" if puppet is None else f"{id(puppet.picture)} {puppet.moving}"
    if puppet is None or key == last:
        return gr.skip(), last, False, gr.skip()
    found = offers(puppet)
    borne = [item.name for item in found if not item.reason]
    change = dropped and bool(borne) and pose not in borne
    figures = [(draw_figure(item.name), item.caption) for item in found]
    return figures, key, False, borne[0] if change else gr.skip()
