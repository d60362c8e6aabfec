"""What the page offers by itself: who is meant, folders that are found again, names, and that no control is forgotten."""

from __future__ import annotations

import ast
import base64
import functools
import io
import itertools
import json
import re

import gradio as gr
import pytest
from PIL import Image

from core.errors import CancelledError
from core.image import Box
from core.options import fields_of
from core.sdl.options import RateOptions
from core.ui.build import TEXTS, build_demo
from core.ui.parts import handlers
from core.ui.parts.controls import controls
from core.ui.parts.handlers import kept_folder
from core.ui.parts.restore import restored
from core.ui.parts.who import others
from core.ui.rate import film_name
from core.ui.tabs import all_tabs
from core.ui.tabs.sdl import choose_job
from core.weights import records

CONTROLS = (gr.Slider, gr.Checkbox, gr.Dropdown, gr.Radio, gr.Number, gr.CheckboxGroup, gr.Textbox)
# What a person decides anew each time.
OF_THE_MOMENT = re.compile(r"-(authors-record|authors-accept|send-to|backing|link)$")


@pytest.fixture(scope="module", params=[tab.id for tab in all_tabs()])
def demo(request):
    return build_demo([request.param])


def test_a_link_brings_back_every_control(demo):
    restoring = [event for event in demo.fns.values() if event.fn is not None and event.fn.__name__ == "restore"]
    back = {block.elem_id for event in restoring for block in event.outputs}
    shown = [block for block in demo.blocks.values() if isinstance(block, CONTROLS) and block.interactive is not False]
    kept = {str(block.elem_id) for block in shown if block.elem_id and not OF_THE_MOMENT.search(str(block.elem_id))}
    assert not kept - back


def test_a_page_that_opens_without_a_link_sets_nothing(demo):
    opening = [event for event in demo.fns.values() if any(name == "load" for _, name in event.targets)]
    asked = [event for event in opening if event.fn is not None]
    assert sum(len(event.outputs) for event in asked) <= 1, "every control that might be set costs a browser time"


# What every language calls so: kinds of files, codecs, programs, the published mask rule.
NAMES = {
    *("mp4", "gif", "webp", "png", "zip", "webm", "mov", "h264", "h265", "av1", "vp9", "prores"),
    *("lama", "opencv", "graphonomy", "mediapipe", "xor", "t"),
}


def said_by(block):
    """The texts of a block that a person sees; a paragraph counts whole, or in its parts of one weight."""
    if isinstance(block, gr.Markdown) and not re.search("-(facts|said)$|^masthead$|^credits$", str(block.elem_id)):
        for part in re.split(r"\n\n|<br>", re.sub(r"<b .*?</b> |</?span.*?>", "", block.value or "")):
            whole = part.replace("**", "*").replace("\n", " ").strip()
            yield whole.replace("*", ""), [one.strip() for one in whole.split("*") if one.strip()]
    texts = [getattr(block, "label", None), getattr(block, "info", None)]
    texts += [str(label) for label, _ in getattr(block, "choices", None) or ()]
    texts += [block.value] if isinstance(block, gr.Button) else []
    yield from ((text, [text]) for text in texts if text and not isinstance(block, gr.JSON | gr.State))


def template(text):
    """What fits a text of the catalogue with values: as in names.js, none goes over the end of a sentence."""
    literal = [re.escape(part) for part in re.split(r"\{\d\}", text)]
    return re.compile(r"((?:[^.\n]|\.(?! [A-Z0-9]))+?)".join(literal))


@functools.cache
def templates():
    """All of them."""
    return [template(text) for text in json.loads(TEXTS.read_text(encoding="utf-8")) if "{1}" in text]


def in_catalogue(text, words):
    """As names.js looks it up: with values, head and tail, a name and what stands in brackets, or sentence by sentence."""
    name, _, unit = text.removesuffix(")").rpartition(" (")
    head, _, tail = text.partition(": ")
    if {text, unit} & words or text in NAMES or text in records() or any(one.fullmatch(text) for one in templates()):
        return True
    several = re.split(r"(?<=\.) (?=[A-Z0-9])", text)
    return (head in words and in_catalogue(tail, words)) or (
        len(several) > 1 and all(in_catalogue(one, words) for one in several)
    )


def test_every_visible_text_is_in_the_catalogue(demo):
    words = set(json.loads(TEXTS.read_text(encoding="utf-8")))
    said = [pair for block in demo.blocks.values() if block.visible for pair in said_by(block) if pair[0]]
    lacking = {t for t, parts in said if not in_catalogue(t, words) and not all(in_catalogue(p, words) for p in parts)}
    assert not lacking, "no translation in core/ui/texts.json"


def test_what_the_page_answers_to_a_mistake_is_in_the_catalogue():
    words = set(json.loads(TEXTS.read_text(encoding="utf-8")))
    calls = [
        node for file in TEXTS.parent.rglob("*.py") for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    ]
    raised = [n for n in calls if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "InputError" and n.args]
    said = {str(n.args[0].value) for n in raised if isinstance(n.args[0], ast.Constant)}
    assert said and not said - words


# Modules that say what was found in a picture or clip, and values that stand in their sentences.
NOTING = (
    "implicit/methods/framing/notes.py", "ripple/methods/moved_head/portrait.py", "ripple/methods/moved_head/answers.py",
    "ripple/methods/moved_head/driving.py", "ripple/methods/moved_head/edges.py", "ripple/options.py",
    "animals/head_alignment/alignment.py", "image/read.py", "video/reader.py", "video/graph.py",
)  # fmt: skip
VALUES = ("7", "first", "left", "is turned or partly hidden", "its background changes over with the person")


@pytest.mark.parametrize("module", NOTING)
def test_notes_with_values_are_in_the_catalogue(module):
    words = set(json.loads(TEXTS.read_text(encoding="utf-8")))
    tree = ast.parse((TEXTS.parents[1] / module).read_text(encoding="utf-8"))
    refused = {part for node in ast.walk(tree) if isinstance(node, ast.Raise) for part in ast.walk(node)}
    forms = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) and node not in refused]
    parts = [[part.value if isinstance(part, ast.Constant) else None for part in form.values] for form in forms]
    notes = [form for form in parts if len(re.findall("[a-z]{2,}", " ".join(filter(None, form)))) > 2]

    def known(note):
        count = note.count(None)
        chosen = itertools.product(VALUES, repeat=count) if count < 5 else [VALUES[:1] * count]
        given = ("".join(next(values) if part is None else part for part in note) for values in map(iter, chosen))
        return any(in_catalogue(text.replace("`", ""), words) for text in given)

    assert notes and not [note for note in notes if not known(note)]


def test_who_is_meant_is_asked_only_where_there_are_several():
    picture = Image.new("RGB", (200, 100), "red")
    picture.paste("blue", (100, 0, 200, 100))
    boxes = [Box(110, 10, 190, 90), Box(-20, 10, 60, 90)]
    assert others(picture, boxes[:1], "face_a", "First picture", "face", 1) == []
    (row,) = others(picture, boxes, "face_a", "First picture", "face", 2)
    assert row["number"] == 2 and row["name"] == "face_a" and len(row["thumbs"]) == 2
    shown = io.BytesIO(base64.b64decode(row["thumbs"][0].partition(",")[2]))
    seen = Image.open(shown).getpixel((28, 28))
    assert seen[2] > 200 > 60 > seen[0]


def test_the_same_work_finds_its_folder_again(tmp_path, monkeypatch):
    monkeypatch.setattr(handlers, "RESULTS", tmp_path)
    with pytest.raises(CancelledError), kept_folder("clip.mp4", 2) as first:
        (first / "part").touch()
        with kept_folder("clip.mp4", 2) as beside, kept_folder("clip.mp4", 3) as other:
            assert len({first, beside, other}) == 3
        raise CancelledError("stopped")
    with kept_folder("clip.mp4", 2) as again:
        assert again == first and (again / "part").exists()


def test_a_film_is_named_after_its_clip():
    assert film_name("/tmp/x/holiday.mov", RateOptions(target_fps=59.94)) == "holiday_59.94fps"
    assert film_name("holiday.mov", RateOptions(factor=4, slow_motion=True)) == "holiday_slow_x4"


def test_weights_stay_with_their_job():
    assert choose_job("toon", 0.5, "sdl-toon")[0]["value"] == "sdl-toon"
    assert choose_job("morph", 0.5, "sdl-toon")[0]["value"] == "shipped"


def test_a_choice_of_several_comes_back():
    with gr.Blocks():
        several = gr.CheckboxGroup([("Fade", "fade"), ("SDL", "sdl")], value=["fade"])
    assert restored(several, "sdl,fade")["value"] == ["sdl", "fade"]
    assert "value" not in restored(several, "sdl,nothing")


def test_what_may_be_left_empty_is_drawn_empty():
    """A slider always stands somewhere: an optional number in one is never left out, by no page and no program."""
    seen = 0
    for tab in all_tabs():
        options = getattr(tab.build, "options", None)
        if options is None:
            continue
        empty = [field.name for field in fields_of(options) if field.optional and field.default is None]
        with gr.Blocks():
            drawn = controls(options, empty)
        assert drawn.read([component.value for component in drawn.components]) == options()
        seen += len(empty)
    assert seen


def test_clear_empties_the_page_without_waiting_for_the_server(demo):
    """A picture that was dropped in before a slow server's answer went with the rest."""
    clear = {number for number, block in demo.blocks.items() if str(block.elem_id).endswith("-clear")}
    asked = [event for event in demo.fns.values() if any(block in clear for block, _ in event.targets)]
    emptied = [event for event in asked if any(isinstance(block, gr.Image) for block in event.outputs)]
    assert emptied and not any(event.fn for event in emptied)
