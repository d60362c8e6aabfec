"""The poses of the library as figures to click, in the order in which a photo bears them."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.gfla.methods.puppet.offers import offers
from core.gfla.methods.retargeting.library import draw_figure
from core.gfla.pipeline import PosePrepared


def pose_of_figure(event: gr.SelectData) -> str:
    """The name of the figure that was clicked."""
    return str(event.value["caption"]).split(":")[0]


def offered(prepared: PosePrepared | None, last: str) -> tuple[Any, str]:
    """The figures in the order in which the photo bears their poses, the others with the reason; once for each photo."""
    puppet = None if prepared is None else prepared.puppet
    key = "" if puppet is None else f"{id(puppet.picture)} {puppet.moving}"
    if puppet is None or key == last:
        return gr.skip(), last
    found = offers(puppet)
    return [(draw_figure(item.name), item.caption) for item in found], key
