"""The blocks of the suite: what reaches a handler was looked at, and what goes wrong is answered with one sentence.

gradio answers a value that its components cannot take with `{"error": null}` and a trace in the log. Every way in (queue,
page, clients, agents) passes the two methods here, so that no handler and no tab has to look after it.
"""

from __future__ import annotations

import asyncio
import copy
import errno
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.components import Component
from gradio.exceptions import ComponentProcessingError

from core.errors import InputError, MorphospaceError, unknown_name
from core.ui.rooms import opened
from core.ui.values import check_value, kind_of, shown

FULL = (errno.ENOSPC, errno.EDQUOT)
DISK_FULL = (
    "the server's disk is full, so nothing can be stored: try again later, or free space if it is your own server"
)


def title_of(name: str | None, component: Any) -> str:
    """How messages call an input: a program knows its name, a person at the page its label."""
    label = str(getattr(component, "label", None) or "")
    if not name or label.lower().replace(" ", "_") == name:
        return name or label or "the value"
    return f"{name} ({label})" if label else name


def inputs_of(event: BlockFunction) -> list[tuple[str, Any, bool]]:
    """Title, component and whether null is refused, for each input of an event."""
    names = [*event.input_parameter_names, *[None] * len(event.inputs)]
    optional = {name for name, has_default, _, _ in gr.utils.get_function_params(event.fn) if has_default}
    public = isinstance(event.api_name, str) and event.api_visibility == "public"
    return [
        (
            title_of(name, component),
            component,
            public and name not in optional and getattr(component, "value", None) is None,
        )
        for name, component in zip(names, event.inputs, strict=False)
    ]


def parameters_of(event: BlockFunction) -> dict[str, tuple[str, Any, bool]]:
    """What programs send to an event: `inputs_of` by the parameter's name, without what a session keeps."""
    both = zip(event.input_parameter_names, inputs_of(event), strict=False)
    return {str(name): facts for name, facts in both if not facts[1].skip_api}


def event_named(demo: gr.Blocks, name: str) -> BlockFunction:
    """The event behind an endpoint.

    Raises:
        OptionError: there is none.
    """
    events = {str(event.api_name): event for event in demo.fns.values() if event.api_visibility == "public"}
    if name not in events:
        raise unknown_name("endpoint", name, (known for known in events if known != "False"))
    return events[name]


class Suite(gr.Blocks):
    """gr.Blocks that says what is wrong with an input."""

    def get_api_info(self, all_endpoints: bool = False, page: str | None = None) -> Any:
        """Gradio's own, in which what a tab opens with is no default: a program that sends no picture has none."""
        info = super().get_api_info(all_endpoints, page)
        for event in self.fns.values():
            listed = info["named_endpoints"].get(f"/{event.api_name}")
            if event.fn is None or listed is None:
                continue
            optional = {name for name, has, value, _ in gr.utils.get_function_params(event.fn) if has and value is None}
            inputs = [component for component in event.inputs if not getattr(component, "skip_api", True)]
            for component, facts in zip(inputs, listed["parameters"], strict=False):
                if getattr(component, "first", None) is not None:
                    value = getattr(component, "value", None)
                    facts["parameter_has_default"] = value is not None or facts["parameter_name"] in optional
                    facts["parameter_default"] = value
        return info

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """The handler's arguments.

        Raises:
            InputError: naming the parameter, what came and what fits.
        """
        wanted = inputs_of(block_fn)
        if len(inputs) != len(wanted):
            names = ", ".join(title for title, component, _ in wanted if not component.skip_api)
            raise InputError(f"{len(inputs)} values came; what fits: {len(wanted)}, namely {names}")
        taken = []
        for (title, component, needed), value in zip(wanted, inputs, strict=True):
            one = copy.copy(block_fn)
            one.inputs, one.component_prop_inputs = [component], []
            try:
                if isinstance(component, Component) and not component.stateful:
                    # A session's own copy has the choices and the range that its page shows.
                    known = state is not None and component._id in state
                    check_value(title, state[component._id] if known else component, value, needed)
                taken += await super().preprocess_data(one, [value], state, explicit_call)
            except Exception as error:
                raise _misfit(title, component, value, error) from error
        return taken

    async def process_api(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What gradio's own does, as soon as the rooms are open; errors leave as `gr.Error`, defects of ours with a trace in the log."""
        try:
            # Others wait for it too, so nobody who goes away may cancel it.
            await asyncio.shield(asyncio.wrap_future(opened()))
            return await super().process_api(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            reason = _reason(error)
            if isinstance(reason, MorphospaceError):
                raise gr.Error(str(reason), print_exception=False) from error
            if _disk_full(reason):
                raise gr.Error(DISK_FULL, print_exception=False) from error
            kind = type(reason).__name__
            raise gr.Error(f"the suite failed here ({kind}): a mistake of ours, which its log explains") from error


def _reason(error: BaseException) -> BaseException:
    """What a component said, without gradio's wrapping."""
    return error.__cause__ if isinstance(error, ComponentProcessingError) and error.__cause__ else error


def _disk_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in FULL


def _misfit(title: str, component: Any, value: Any, error: Exception) -> Exception:
    """What gradio or a component could not take, without its inner words."""
    reason = _reason(error)
    if _disk_full(reason):
        return error
    if isinstance(reason, gr.Error | MorphospaceError):
        said = reason.message if isinstance(reason, gr.Error) else str(reason)
        return InputError(said if said.startswith((title, f"unknown {title}")) else f"{title}: {said}")
    if isinstance(value, dict) and str(value.get("path")).startswith("http"):
        return InputError(f"{title}: nothing could be fetched from {shown(value['path'])}: upload the file instead")
    return InputError(f"{title} cannot be read ({type(reason).__name__}); what fits: {kind_of(component)}")
