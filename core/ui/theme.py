"""One look for all tabs, light and dark, without web fonts."""

from __future__ import annotations

import gradio as gr

THEME = gr.themes.Soft(
    primary_hue="violet",
    secondary_hue="amber",
    neutral_hue="slate",
    font=[gr.themes.Font(name) for name in ("system-ui", "Segoe UI", "Roboto", "sans-serif")],
    font_mono=[gr.themes.Font(name) for name in ("ui-monospace", "Consolas", "monospace")],
)

CSS = """
.gradio-container { width: 100% !important; min-width: 0 !important; max-width: 1500px !important; margin: 0 auto !important;
  box-sizing: border-box; }
.gradio-container .fillable { padding: 1.2rem !important; }
#masthead h1 { margin-bottom: 0; letter-spacing: -0.02em; }
#masthead p { margin-top: 0.2rem; opacity: 0.8; }
.download .empty { min-height: 4.5rem !important; height: 4.5rem !important; }
.weights-note { font-size: 0.85rem; opacity: 0.85; }
@media (max-width: 700px) { .gradio-container .fillable { padding: 0.6rem !important; } }
"""
