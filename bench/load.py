"""The app under load: its start, and fifty visitors at once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import Row

ROOT = Path(__file__).parents[1]
HEADS = ROOT / "core/ui/examples/heads"
JOBS = 50
START_LIMIT_S = 8


def rows() -> list[Row]:
    """Start to first page, and how many of fifty concurrent jobs are lost."""
    starts = []
    for _ in range(3):
        with serving() as (_, seconds, _):
            starts.append(seconds)
    with serving(MORPHOSPACE_WORKERS="1") as (address, *_):
        freed_s = cancelled(address)
    with serving() as (address, *_):
        lost, waited_s, farthest = crowd(address)
    start = sorted(starts)[1]
    return [
        Row(
            "app start to first page", f"under {START_LIMIT_S} s", f"{start:.1f} s (median of 3)", start < START_LIMIT_S
        ),
        Row(
            f"{JOBS} concurrent jobs (implicit morph, 8 frames of 128 px)",
            "0 lost",
            f"{lost} lost, all done after {waited_s:.0f} s, farthest place in the queue {farthest}",
            lost == 0,
        ),
        Row("a cancelled job (600 frames of 512 px) frees its worker", "within 1 s", f"{freed_s:.2f} s", freed_s < 1),
    ]


@contextmanager
def serving(log: Path | None = None, **extra: str) -> Iterator[tuple[str, float, int]]:
    """(address, seconds until its first page, process) of a fresh app; what it says is written to `log`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    said = os.devnull if log is None else str(log)
    with tempfile.TemporaryDirectory() as folder, open(said, "w") as output:
        environment = {
            **os.environ,
            "GRADIO_TEMP_DIR": folder,
            "GRADIO_SERVER_PORT": str(port),
            "HF_HUB_OFFLINE": "1",
            **extra,
        }
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while True:
                if process.poll() is not None:
                    raise RuntimeError(f"the app ended with code {process.returncode}")
                try:
                    with urllib.request.urlopen(address, timeout=60) as answer:
                        answer.read()
                    break
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.05)
            yield address, time.perf_counter() - start, process.pid
        finally:
            process.terminate()
            process.wait(30)


def cancelled(address: str) -> float:
    """Seconds from cancelling a long job, with one worker, until a waiting job runs."""
    from gradio_client import Client, handle_file

    heads = sorted(HEADS.glob("*.jpg"))
    with tempfile.TemporaryDirectory() as folder:
        client, other = (Client(address, verbose=False, download_files=folder) for _ in range(2))
        long = client.submit(
            handle_file(heads[0]), handle_file(heads[1]), size_px=512, frames=600, api_name="/implicit_morph"
        )
        while not long.status().progress_data:
            time.sleep(0.05)
        time.sleep(3)
        waiting = other.submit(
            handle_file(heads[0]), handle_file(heads[1]), size_px=64, frames=2, api_name="/implicit_morph"
        )
        time.sleep(1)
        if waiting.status().code.value != "IN_QUEUE":
            raise RuntimeError(f"the second job should wait for the only worker, it is {waiting.status().code.value}")
        long.cancel()
        start = time.perf_counter()
        while waiting.status().code.value not in ("PROGRESS", "PROCESSING", "ITERATING", "FINISHED"):
            time.sleep(0.01)
        freed_s = time.perf_counter() - start
        waiting.result()
        client.close()
        other.close()
    return freed_s


def crowd(address: str) -> tuple[int, float, int]:
    """Fifty visitors ask at the same time: (lost jobs, seconds until the last is done, farthest place in the queue)."""
    from gradio_client import Client, handle_file

    heads = sorted(HEADS.glob("*.jpg"))
    lost, farthest = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        clients = [Client(address, verbose=False, download_files=folder) for _ in range(JOBS)]
        start = time.perf_counter()
        jobs = [
            client.submit(
                handle_file(heads[index % 4]),
                handle_file(heads[4 + index % 4]),
                size_px=128,
                frames=8,
                api_name="/implicit_morph",
            )
            for index, client in enumerate(clients)
        ]
        while not all(job.done() for job in jobs):
            farthest = max([farthest, *(job.status().rank or 0 for job in jobs)])
            time.sleep(0.2)
        waited_s = time.perf_counter() - start
        for job in jobs:
            try:
                lost += not job.result()
            except Exception as error:  # whatever went wrong, that visitor's job is lost
                print(f"lost: {error}")
                lost += 1
        for client in clients:
            client.close()
    return lost, waited_s, farthest
