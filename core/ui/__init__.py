"""The browser interface: the only room that imports gradio."""
