"""Work on threads of its own, and who gets the answer."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot
from shiboken6 import delete, isValid

from cpm_live.gui import background
from cpm_live.gui.background import Job, in_background


def test_a_window_that_goes_takes_no_job_apart_whose_thread_is_about_to_answer(qtbot: QtBot) -> None:
    """A list of cameras takes seconds on some systems; the window is closed meanwhile."""
    gate, owner, answers = threading.Event(), QObject(), []
    job = Job("list-cameras", lambda: gate.wait(10), answers.append, owner)
    job.start()
    delete(owner)
    assert isValid(job)
    gate.set()
    job.worker.join(10)
    qtbot.waitUntil(lambda: job not in background._AT_WORK)
    assert not answers
    qtbot.waitUntil(lambda: not isValid(job))


def test_an_answer_that_comes_after_the_application_is_nobodys(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Qt takes apart what is left where the process ends, which may wait for others meanwhile."""
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    gate, owner = threading.Event(), QObject()
    job = Job("list-cameras", lambda: gate.wait(10), lambda answer: None, owner)
    job.start()
    delete(job)
    gate.set()
    job.worker.join(10)
    background._AT_WORK.discard(job)
    assert not raised


def test_who_is_there_gets_the_answer(qtbot: QtBot) -> None:
    answers: list[tuple[int, bool]] = []
    owner = QObject()
    thread = in_background(
        "seven", lambda: 7, lambda seven: answers.append((seven, threading.current_thread() is thread)), owner
    )
    qtbot.waitUntil(lambda: answers == [(7, False)])
    assert not background._AT_WORK
