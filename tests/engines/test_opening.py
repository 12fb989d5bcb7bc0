"""Engines that are being opened when the process ends."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import threading, time
import torch
from cpm_live.engines.base import opened_warm

class Slow:
    def __init__(self):
        end = time.monotonic() + 2
        begun.set()
        while time.monotonic() < end:
            torch.nn.functional.conv2d(torch.randn(1, 3, 64, 64), torch.randn(64, 3, 7, 7))
    def warm_up(self):
        print("warm", flush=True)

begun = threading.Event()
threading.Thread(target=opened_warm, args=(Slow,), daemon=True).start()
begun.wait()
"""


UNWANTED = """
import threading, time
import torch
from cpm_live.engines.recipe import find
from cpm_live.pipeline.beside import OpenedBeside

def work(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        torch.nn.functional.conv2d(torch.randn(1, 3, 64, 64), torch.randn(64, 3, 7, 7))

class Slow:
    def __init__(self):
        begun.set()
        work(0.7)
    def warm_up(self):
        pass
    def close(self):
        work(0.5)
        print("closed", flush=True)

torch.set_num_threads(1)
begun = threading.Event()
beside = OpenedBeside(lambda recipe: Slow())
beside(find("body"))
begun.wait()
beside.give_up()
"""


def test_a_process_that_ends_meanwhile_waits_instead_of_aborting() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (0, "warm\n", "")


def test_and_until_what_nobody_wants_any_more_is_closed() -> None:
    done = subprocess.run([sys.executable, "-c", UNWANTED], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")
