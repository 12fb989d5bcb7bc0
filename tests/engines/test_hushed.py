"""Libraries print while they are loaded, on threads of their own; the program goes on printing meanwhile and after."""

from __future__ import annotations

import sys
import threading
from types import ModuleType, SimpleNamespace

import pytest

from cpm_live.engines import probe


def test_what_is_loaded_on_two_threads_takes_no_other_threads_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As with a session that opens TensorRT's engine while its program prints what it sees, and with two cameras."""
    begun, end = threading.Event(), threading.Event()

    def slow(name: str) -> ModuleType:
        print("what a library prints")
        begun.set()
        end.wait(10)
        return ModuleType(name)

    monkeypatch.setattr(probe, "tensorrt", lambda: probe.Found("tensorrt", True, "as if it were there"))
    monkeypatch.setattr(probe, "importlib", SimpleNamespace(import_module=slow))
    before = sys.stdout
    first, second = (threading.Thread(target=probe.load_torch_tensorrt) for _ in range(2))
    first.start()
    assert begun.wait(10)
    second.start()
    second.join(0.2)
    print("meanwhile", flush=True)
    end.set()
    first.join(10)
    second.join(10)
    print("after")
    assert sys.stdout is before
    assert capsys.readouterr().out == "meanwhile\nafter\n"
