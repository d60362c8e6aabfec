"""The table of tasks: written anew it is the same, its commands parse, its records exist, and each row's test runs it."""

from __future__ import annotations

import ast
import shlex

import pytest

from core.cli import command_line
from core.tasks import PAPERS, TASKS, markdown
from core.weights import records
from core.weights.catalogue import WEIGHTS
from tests.conftest import ROOT


def test_the_page_is_written_from_the_list():
    assert (ROOT / "docs/tasks.md").read_text(encoding="utf-8") == markdown(), "run `python -m core tasks`"
    assert len(TASKS) >= 25 and {task.system for task in TASKS} == set(PAPERS)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.what)
def test_every_row_answers_and_is_run(task):
    assert task.ours or task.published
    assert all(records()[name].kind == "published" for name in task.published)
    for word in task.ours.replace(";", " ").replace(",", " ").split():
        assert not word.startswith("weights/") or (WEIGHTS / word.removeprefix("weights/")).is_dir(), word
    file, name = task.test.split("::")
    named = {node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.FunctionDef)}
    assert name in named, task.test


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.what)
def test_every_example_is_a_command(task):
    words, command = shlex.split(task.example), command_line()
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    flags = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    asked = {word for word in words if word.startswith("--")}
    assert asked <= flags, f"{task.example}: {sorted(asked - flags)}"
