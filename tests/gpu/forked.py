"""A stand-in for ZeroGPU: every call forks a worker; arguments, results, yields and errors cross the border pickled."""

from __future__ import annotations

import functools
import inspect
import multiprocessing
import os
import pickle
import signal

import gradio as gr

INSIDE = False


class Lender:
    """Stands in for `spaces.GPU`; keeps what was asked for, the workers, and how many bytes each message had."""

    def __init__(self):
        self.asked: list[float] = []
        self.workers: list[int] = []
        self.crossed: list[int] = []
        self.kill_after = None

    def __call__(self, duration):
        return lambda task: (
            self.streaming(task, duration) if inspect.isgeneratorfunction(task) else self.plain(task, duration)
        )

    def streaming(self, task, duration):
        @functools.wraps(task)
        def run(*args):
            if INSIDE:
                yield from task(*args)
                return
            yield from self.borrow(lambda given: task(*given), args, duration)

        return run

    def plain(self, task, duration):
        @functools.wraps(task)
        def run(*args):
            if INSIDE:
                return task(*args)
            return next(self.borrow(lambda given: iter([task(*given)]), args, duration))

        return run

    def borrow(self, start, args, duration):
        self.asked.append(duration(*args))
        data = pickle.dumps(args)
        self.crossed.append(len(data))
        context = multiprocessing.get_context("fork")
        mine, theirs = context.Pipe()
        worker = context.Process(target=work, args=(start, data, theirs), daemon=True)
        worker.start()
        theirs.close()
        self.workers.append(worker.pid)
        try:
            while True:
                if self.kill_after is not None and len(self.asked) >= self.kill_after:
                    os.kill(worker.pid, signal.SIGKILL)
                    self.kill_after = None
                try:
                    came = mine.recv_bytes()
                    kind, value = pickle.loads(came)
                except EOFError:
                    raise gr.Error("GPU task aborted", title="ZeroGPU worker error") from None
                self.crossed.append(len(came))
                if kind == "end":
                    return
                if kind == "error":
                    raise gr.Error(value, title="ZeroGPU worker error")
                yield value
        finally:
            mine.close()
            worker.terminate()
            worker.join(10)


def work(start, data, pipe):
    global INSIDE
    INSIDE = True
    import torch

    # OpenMP's threads do not survive a fork.
    torch.set_num_threads(1)
    try:
        for value in start(pickle.loads(data)):
            pipe.send_bytes(pickle.dumps(("item", value)))
        pipe.send_bytes(pickle.dumps(("end", None)))
    except Exception as error:
        pipe.send_bytes(pickle.dumps(("error", type(error).__name__)))
