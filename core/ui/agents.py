"""Calls of agents (MCP): looked at before the protocol's own check, whose words name no parameter."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.errors import InputError, unknown_name
from core.ui.parts.picture import decoded
from core.ui.suite import event_named, parameters_of
from core.ui.values import FILES, check_value

ADDRESSES = ("http://", "https://", "data:")


def answer_agents(demo: gr.Blocks) -> None:
    """Let the running app's MCP server refuse a wrong call with the sentence that every other way gives."""
    agents = demo.mcp_server_obj
    if agents is None:
        return
    types = agents.types
    answer = agents.mcp_server.request_handlers[types.CallToolRequest]

    async def checked(request: Any) -> Any:
        try:
            check_call(demo, agents.tool_to_endpoint, request.params.name, request.params.arguments or {})
        except InputError as error:
            said = types.TextContent(type="text", text=str(error))
            return types.ServerResult(types.CallToolResult(content=[said], isError=True))
        return await answer(request)

    agents.mcp_server.request_handlers[types.CallToolRequest] = checked


def check_call(demo: gr.Blocks, tools: dict[str, str], name: str, arguments: dict[str, Any]) -> None:
    """Look at all arguments of a tool.

    Raises:
        InputError: an unknown tool or parameter, one that is missing, or a value that does not fit.
    """
    if name not in tools:
        raise unknown_name("tool", name, tools)
    wanted = parameters_of(event_named(demo, tools[name].strip("/")))
    for parameter in arguments:
        if parameter not in wanted:
            raise unknown_name("parameter", parameter, wanted)
    for parameter, (title, component, needed) in wanted.items():
        if parameter in arguments or needed:
            value = arguments.get(parameter)
            if isinstance(component, (*FILES, gr.ImageEditor)):
                value = _as_sent(title, value)
            check_value(title, component, value, needed)


def _as_sent(title: str, value: Any) -> Any:
    """An agent names a file by its address: the same as programs send it, at any depth."""
    if isinstance(value, str) and value.startswith(ADDRESSES):
        if value.startswith("data:"):
            decoded(value, title)
        return {"path": "https://", "meta": {"_type": "gradio.FileData"}}
    if isinstance(value, dict):
        return {key: _as_sent(title, part) for key, part in value.items()}
    return [_as_sent(title, part) for part in value] if isinstance(value, list) else value
