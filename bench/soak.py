"""Soak: eight visitors, each at another endpoint of a fresh server, for two rounds of mixed jobs."""

from __future__ import annotations

import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench import Row
from bench.load import HEADS, serving

JOBS, CANCELLED, ROUNDS = 300, 60, 2
GROWTH = 1.05
EXAMPLES = HEADS.parent
HEAD_FILES, PETS, PEOPLE = (sorted((EXAMPLES / n).glob("*.[jp][pn]g")) for n in ("heads", "pets", "people"))
SETTLE_S = 5


def rows() -> list[Row]:
    """Jobs without a result, and what the server's memory does from the first round to the second."""
    with serving() as (address, _, pid), tempfile.TemporaryDirectory() as folder:
        counts, memory = Counter[str](), []
        for index in range(ROUNDS):
            counts += work_through(address, Path(folder), JOBS, JOBS // CANCELLED)
            time.sleep(SETTLE_S)
            memory.append(resident_mb(pid))
            print(f"round {index + 1}: {dict(counts)}, {memory[-1]:.0f} MB")
    growth = memory[-1] / memory[0]
    lost = sum(count for kind, count in counts.items() if kind.startswith("lost"))
    said = "".join(f"; {kind}" for kind in sorted(counts) if kind.startswith("lost"))[:300]
    return [
        Row(
            f"{ROUNDS} rounds of {JOBS} jobs by {len(VISITORS)} visitors at different endpoints, {CANCELLED} of each cancelled",
            "0 lost", f"{lost} lost, {counts['done']} done, {counts['cancelled']} cancelled{said}", lost == 0,
        ),
        Row(
            "resident memory of the server after the second round, of that after the first", f"<= {GROWTH}",
            f"{growth:.3f} ({memory[0]:.0f} MB, {memory[-1]:.0f} MB)", growth <= GROWTH,
        ),
    ]  # fmt: skip


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise RuntimeError(f"process {pid} says nothing about its memory")
    return int(found[1]) / 1024


def work_through(address: str, folder: Path, jobs: int, cancel_every: int) -> Counter[str]:
    """How the jobs ended: done, cancelled, or lost with the reason. Every visitor waits for a job before the next."""
    from gradio_client import Client

    def visit(number: int) -> Counter[str]:
        client, ask = Client(address, verbose=False, download_files=str(folder)), VISITORS[number]
        ended = Counter[str]()
        for index in range(number, jobs, len(VISITORS)):
            ended[outcome(client, ask(index), index % cancel_every == 0)] += 1
        client.close()
        return ended

    with ThreadPoolExecutor(len(VISITORS)) as pool:
        return sum(pool.map(visit, range(len(VISITORS))), Counter[str]())


def outcome(client: Any, call: dict[str, Any], cancel: bool) -> str:
    """Submit one job, and cancel it while it waits or works."""
    job = client.submit(**call)
    try:
        if cancel:
            time.sleep(0.3)
            job.cancel()
        answer = job.result(timeout=600)
        return "done" if answer else f"lost: {call['api_name']} answered nothing"
    except CancelledError:
        return "cancelled" if cancel else f"lost: {call['api_name']} was cancelled by nobody"
    except Exception as error:
        # gradio's client says so too where the cancelled job had begun, or ended at the same moment.
        if cancel and ("Response received: {}" in str(error) or "Did not expect 2 tasks" in str(error)):
            return "cancelled"
        return f"lost: {call['api_name']}: {type(error).__name__} {error}"


def call(endpoint: str, **inputs: Any) -> dict[str, Any]:
    """A job; paths are sent as files."""
    from gradio_client import handle_file

    return {name: handle_file(v) if isinstance(v, Path) else v for name, v in inputs.items()} | {
        "api_name": f"/{endpoint}"
    }


def two(files: list[Path], index: int) -> dict[str, Path]:
    """A pair that changes from job to job."""
    first = index % len(files)
    return {"picture_a": files[first], "picture_b": files[(first + 1 + index // len(files)) % len(files)]}


VISITORS: list[Callable[[int], dict[str, Any]]] = [
    lambda i: call("implicit_morph", **two(HEAD_FILES, i), size_px=128, frames=6),
    lambda i: call("implicit_frame", **two(HEAD_FILES, i), size_px=96, recipe="published", published_steps=5, published_samples=200),
    lambda i: call("crossbreed_morph", **two(PETS, i), size_px=128, frames=4),
    lambda i: call("crossbreed_head", picture=PETS[i % len(PETS)]),
    lambda i: call("sdl_transition", first=HEAD_FILES[i % 8], second=HEAD_FILES[(i + 3) % 8], max_side_px=128, frames=4),
    lambda i: call("ripple_edit", picture=HEAD_FILES[i % 8], degree=float(i % 5 - 2)),
    lambda i: call("gfla_frame", picture=PEOPLE[i % len(PEOPLE)], height_px=128),
    lambda i: call("compare_engines", **two(HEAD_FILES, i), size_px=64, frames=3),
]  # fmt: skip
