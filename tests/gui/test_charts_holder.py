"""How the charts come into their place, and what is there when they cannot."""

from __future__ import annotations

import importlib
import threading

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from cpm_live.gui import charts_holder
from cpm_live.gui.charts_holder import ChartsHolder


def test_types_are_made_in_slices_on_this_thread_before_the_import(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    seen_between: list[int] = []
    imported: list[int] = []

    class Module:
        def __dir__(self) -> list[str]:
            return [f"type{number}" for number in range(30)]

        def __getattr__(self, name: str) -> object:
            assert threading.current_thread() is threading.main_thread()
            made.append(name)
            return object()

    def load(name: str) -> None:
        imported.append(len(made))
        raise ImportError(name)

    for name in ("QtCore", "QtGui", "QtWidgets"):
        monkeypatch.setattr(charts_holder, name, Module())
    monkeypatch.setattr(charts_holder, "_SLICE", 0.0)
    monkeypatch.setattr(importlib, "import_module", load)
    holder = ChartsHolder()
    qtbot.addWidget(holder)
    other = QTimer(holder)
    other.timeout.connect(lambda: seen_between.append(len(made)))
    other.start(0)
    holder.load()
    holder.load()
    qtbot.waitUntil(lambda: bool(imported), timeout=5000)
    assert imported == [90], "all types, then the import, once"
    assert len({count for count in seen_between if 0 < count < 90}) > 10, "the window goes on meanwhile"


def test_charts_that_do_not_load_say_so(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> None:
        raise ImportError("no such library")

    monkeypatch.setattr(importlib, "import_module", fails)
    holder = ChartsHolder()
    qtbot.addWidget(holder)
    holder.load()
    qtbot.waitUntil(lambda: any("No charts" in label.text() for label in holder.findChildren(QLabel)), timeout=10000)
    assert holder.charts is None


def test_a_window_that_closes_begins_no_import(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts_holder, "_SLICE", 0.0)
    holder = ChartsHolder()
    qtbot.addWidget(holder)
    holder.load()
    holder.setEnabled(False)
    qtbot.wait(200)
    assert holder.threads() == []
