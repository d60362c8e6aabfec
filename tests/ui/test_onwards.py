"""What goes on into another tab takes the film's length, speed and easing with it."""

from __future__ import annotations


def test_the_timeline_goes_along(demo):
    event = next(
        fn for fn in demo.fns.values()
        if fn.name == "deliver" and fn.inputs[2].elem_id == "implicit-frames"
    )  # fmt: skip
    names = [component.elem_id.rpartition("-")[2] for component in event.inputs[2:]]
    values = {name: {"frames": 31, "easing": "sine"}.get(name, 0) for name in names}
    answer = event.fn("frame|sdl-picture-a", "frame.png", *values.values())
    given = {
        component.elem_id: update for component, update in zip(event.outputs, answer, strict=True)
        if not (isinstance(update, dict) and update.get("__type__") == "update" and "value" not in update)
    }  # fmt: skip
    assert given.pop("sdl-picture-a")["value"] == "frame.png"
    assert {name.partition("-")[0] for name in given} == {"sdl"}
    assert given["sdl-frames"] == 31 and given["sdl-easing"] == "sine"
    nothing = event.fn("frame|sdl-picture-a", None, *values.values())
    assert all(update.get("value") is None for update in nothing if isinstance(update, dict))
