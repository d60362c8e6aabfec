"""Before and after: two pictures of one frame over each other, with a line to pull."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

TEMPLATE = """<div class="wipe" hidden><div class="both">
<img class="after" alt="After" draggable="false"><img class="before" alt="Before" draggable="false"></div>
<label>Before <input type="range" min="0" max="100" value="50" aria-label="Where before ends and after begins"> After</label></div>"""

STYLE = """
.both { position: relative; touch-action: pan-y; cursor: ew-resize; line-height: 0; }
.both img { width: 100%; max-height: 70vh; object-fit: contain; user-select: none; }
.both .before { position: absolute; inset: 0; height: 100%; clip-path: inset(0 calc(100% - var(--at)) 0 0); }
.both::after { content: ""; position: absolute; top: 0; bottom: 0; left: calc(var(--at) - 1px); width: 2px; background: #fff; box-shadow: 0 0 2px #000; }
.wipe label { display: flex; gap: 0.5rem; align-items: center; font-size: 0.85rem; }
.wipe input { flex: 1; accent-color: var(--primary-600); }
"""
PAIR = "(before, after) => ({ before, after })"


def draw_wipe(title: str, before: gr.Image, after: gr.Image, name: str) -> None:
    """Draw it folded away, under the element id `name`; the browser takes the pictures from their places."""
    with gr.Accordion(title, open=False) as folded:
        wipe = gr.HTML(
            None, html_template=TEMPLATE, css_template=STYLE, js_on_load=(Path(__file__).parent / "wipe.js").read_text(),
            label=title, elem_id=name,
        )  # fmt: skip
    gr.on(
        [folded.expand, before.change, after.change], None, [before, after], wipe, js=PAIR, api_visibility="private",
        show_progress="hidden",
    )  # fmt: skip
