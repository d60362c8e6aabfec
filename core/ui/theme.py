"""One look for all tabs, light and dark, without web fonts."""

from __future__ import annotations

import gradio as gr

THEME = gr.themes.Soft(
    primary_hue="violet",
    secondary_hue="amber",
    neutral_hue="slate",
    font=[gr.themes.Font(name) for name in ("system-ui", "Segoe UI", "Roboto", "sans-serif")],
    font_mono=[gr.themes.Font(name) for name in ("ui-monospace", "Consolas", "monospace")],
).set(
    # Contrast of 4.5 and more (WCAG AA) on the light ground; the dark one has it.
    block_label_text_color="*primary_700",
    block_title_text_color="*primary_700",
    block_info_text_color="*neutral_600",
    body_text_color_subdued="*neutral_600",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    link_text_color="*primary_700",
    color_accent="*primary_700",
    checkbox_label_background_fill_selected="*primary_600",
)

CSS = """
.gradio-container { width: 100% !important; min-width: 0 !important; max-width: 1500px !important; margin: 0 auto !important;
  box-sizing: border-box; overflow: clip !important; }
.gradio-container .fillable { padding: 1rem !important; }
.dark [role=tab][aria-selected=true] { color: var(--primary-300) !important; }
#masthead h1 { margin: 0; letter-spacing: -0.02em; }
#masthead p { margin: 0.2rem 0 0; }
.weights-note { font-size: 0.85rem; }

/* A paragraph grows; it would scroll under the waiting sign, which is higher than a line. */
.block:has(> * [data-testid=markdown], > [data-testid=markdown]) { overflow: visible !important; }

/* Inputs left; right the preview with its slider and button, which stay in sight, and the result. */
.bench { align-items: flex-start; }
.bench > .right { position: sticky; top: 0; max-height: 100vh; overflow-y: auto; scrollbar-width: thin; }
/* gradio lets a row's columns wrap: the result would stand beside the preview, out of sight, once both are higher than the window. */
.bench > .right { flex-wrap: nowrap; } .bench > .right > * { flex: none; }
.lead > div, .lead .prose { display: flex; align-items: center; gap: 0.8rem; }
.lead img { height: 80px; max-width: 240px; object-fit: cover; border-radius: 10px; display: block; margin: 0; }
.lead p { margin: 0; font-size: 1.05rem; }
.pair { flex-wrap: nowrap !important; }
.told { align-items: center; }
/* The picture that went in, over the preview while it is held. */
.screen { touch-action: pan-y; } .screen img { -webkit-touch-callout: none; user-select: none; }
.held { position: absolute; inset: 0; z-index: 20; background: var(--block-background-fill); pointer-events: none; }
.held img { width: 100%; height: 100%; object-fit: contain; }
.held span { position: absolute; left: 0.5rem; bottom: 0.5rem; padding: 0.15rem 0.6rem; border-radius: 6px; background: #000b; color: #fff; }
.who-is-meant:not(:has(button)) { display: none !important; }
/* Nothing was made yet: one slim line. */
.film-made:has(.empty) { height: 4.5rem; min-height: 0; } .film-made .empty { min-height: 0 !important; }
.download:has(.empty), #compare-preview:has(.empty) { display: none; }
.film-made video { max-height: 420px; }

/* What was found and how well it fits; contrast of 4.5 and more on both grounds. */
.told-good b { color: #15803d; } .told-weak b { color: #b45309; } .told-bad, .told-bad b { color: #b91c1c; }
.dark .told-good b { color: #4ade80; } .dark .told-weak b { color: #fbbf24; } .dark .told-bad, .dark .told-bad b { color: #fca5a5; }

.examples { display: flex; gap: 0.5rem; overflow-x: auto; padding: 0.2rem; }
.examples button { display: flex; flex: none; margin: 0; padding: 2px; border: 2px solid transparent; border-radius: 8px; cursor: pointer; }
.examples button:hover, .examples button:focus-visible { border-color: var(--primary-500); outline: none; }
.examples img { width: 56px; height: 56px; object-fit: cover; }
.examples img:first-child { border-radius: 6px 0 0 6px; } .examples img:last-child { border-radius: 0 6px 6px 0; }
.examples img:only-child { border-radius: 6px; }

@media (max-width: 700px) {
  .gradio-container .fillable { padding: 0.5rem !important; }
  #masthead h1 { font-size: 1.3rem; }
  #masthead p { font-size: 0.8rem; line-height: 1.3; }
  .lead .html-container, .first .html-container { padding-top: 0 !important; padding-bottom: 0 !important; }
  .lead img { height: 56px; max-width: 112px; } .lead p { font-size: 0.92rem; line-height: 1.3; }
  .bench, .bench .column { gap: 0.5rem; } .bench .block { padding-top: 0.4rem; padding-bottom: 0.4rem; }
  /* One column: what goes in, the preview, the result, then all else. */
  .bench { flex-direction: column; align-items: stretch; }
  .bench > .left, .bench > .right { display: contents; }
  .bench > .left > * { order: 4; width: 100%; }
  .bench > .left > .first, .bench > .left > :has(.first) { order: 1; }
  .bench .stage { order: 2; width: 100%; }
  .bench .made { order: 3; width: 100%; }
  .pair [data-testid=block-label] { font-size: 0.72rem; padding: 0.1rem 0.3rem; max-width: 5.6rem; }
  .pair .image-container, .pair .image-frame { max-height: 150px; }
  .pair > *, .pair .block { height: 170px !important; }
  .bench .screen { height: 300px !important; }
  /* While a point is moved, the preview looks in from the corner; its place stays, so that nothing moves under the finger. */
  .bench:has(.points :focus) .stage { padding-top: calc(300px + 0.5rem); }
  .bench:has(.points :focus) .screen { position: fixed !important; top: 0; right: 0; width: 42vw !important; min-width: 0 !important;
    height: 42vw !important; z-index: 50; box-shadow: 0 2px 12px #0006; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
"""
