"""First loads: fresh processes in which eight threads load different networks at the same moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from bench import Row
from bench.load import HEADS, ROOT

PROCESSES = 20
VISITORS = 8
EXAMPLES = HEADS.parent


def rows() -> list[Row]:
    """Processes after which torch is as it was, and which loaded everything."""
    answers = [in_a_fresh_process() for _ in range(PROCESSES)]
    whole = sum(answer == [] for answer in answers)
    said = "".join(f"; {fault}" for fault in sorted({fault for answer in answers for fault in answer})[:3])
    return [
        Row(
            f"fresh processes in which {VISITORS} simultaneous first loads leave torch as it was",
            f"{PROCESSES} of {PROCESSES}", f"{whole} of {PROCESSES}{said}", whole == PROCESSES,
        )
    ]  # fmt: skip


def in_a_fresh_process() -> list[str]:
    """What went wrong there, in words."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "bench.first_loads"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else [f"ended: {done.stderr.strip().splitlines()[-1:]}"]


def loads() -> dict[str, Callable[[], Any]]:
    """What eight visitors ask for in the same second, each in another tab."""
    from core.crossbreed.pipeline import CrossbreedPipeline
    from core.gfla.pipeline import PosePipeline
    from core.implicit.options import ImplicitOptions
    from core.implicit.pipeline import ImplicitMorphPipeline
    from core.ripple.pipeline import RipplePipeline
    from core.sdl.pipeline import SDLPipeline

    def animals() -> Any:
        pipe = CrossbreedPipeline.from_record()
        pipe.prepare(*sorted((EXAMPLES / "pets").glob("*.png"))[:2])
        return pipe

    def published() -> Any:
        options = ImplicitOptions(size_px=64, recipe="published", published_steps=3, published_samples=200)
        return ImplicitMorphPipeline().prepare(HEADS / "anders.jpg", HEADS / "kofi.jpg", options=options)

    records = ("sdl-morph", "sdl-vfi", "sdl-style", "sdl-ageing")
    return {
        "crossbreed and its detectors": animals, "ripple": RipplePipeline.from_record, "gfla": PosePipeline.from_record,
        "published": published, **{name: partial(SDLPipeline.from_record, name) for name in records},
    }  # fmt: skip


def faults() -> list[str]:
    """Load everything at once, in this process; what failed, and what torch is not as it was."""
    import torch
    from torch import nn

    # Like the app: it has imported everything before its first visitor comes.
    wanted = loads()
    init = {name: value for name, value in vars(nn.init).items() if callable(value)}
    register, threads = nn.Module.register_parameter, torch.get_num_threads()
    barrier = threading.Barrier(len(wanted))

    def begin(name: str, load: Callable[[], Any]) -> list[str]:
        barrier.wait()
        try:
            made = load()
        except Exception as error:
            return [f"{name}: {type(error).__name__}: {error}"]
        parts = getattr(made, "networks", {}).values()
        lost = [key for part in parts for key, value in part.state_dict().items() if value.device.type == "meta"]
        return [f"{name}: {key} is on the meta device" for key in lost[:1]]

    with ThreadPoolExecutor(len(wanted)) as pool:
        found = [fault for said in pool.map(lambda item: begin(*item), wanted.items()) for fault in said]
    layer = nn.Linear(64, 64)
    kept = {
        "a new layer is not on the processor": layer.weight.device.type == "cpu",
        "a new layer is not initialised": layer.weight.device.type == "cpu"
        and bool(layer.weight.detach().std() > 0.01),
        "torch.nn.init is patched": all(getattr(nn.init, name) is value for name, value in init.items()),
        "register_parameter is patched": nn.Module.register_parameter is register,
        "the number of threads changed": torch.get_num_threads() == threads,
        "the default dtype changed": torch.get_default_dtype() == torch.float32,
    }
    return found + [fault for fault, fine in kept.items() if not fine]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(faults()))
