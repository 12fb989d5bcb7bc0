"""The engine menu: what can be chosen, why the rest cannot, and a build that is watched and stopped."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from pytestqt.qtbot import QtBot

from cpm_live.engines import probe
from cpm_live.engines.build import Progress
from cpm_live.engines.probe import Found
from cpm_live.gui.engine_menu import EngineMenu

FOUND = [
    Found("tensorrt", False, "torch-tensorrt is not installed", 'pip install "cpm-live[tensorrt]"'),
    Found("cuda", True, "torch 2.13 on a GPU"),
    Found("directml", False, "only on Windows"),
    Found("coreml", False, "only on macOS"),
    Found("cpu", True, "ONNX Runtime"),
    Found("torch", False, "torch is not installed"),
]


@pytest.fixture
def menu(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> EngineMenu:
    monkeypatch.setattr(probe, "find_engines", lambda: FOUND)
    monkeypatch.setattr("cpm_live.gui.engine_menu.sys.platform", "linux")
    made = EngineMenu()
    qtbot.addWidget(made)
    made.show()
    return made


def test_what_is_missing_is_shown_with_its_reason(menu: EngineMenu) -> None:
    box, model = menu.box, menu.box.model()
    assert isinstance(model, QStandardItemModel)
    names = [box.itemData(index) for index in range(box.count())]
    assert names == ["auto", "tensorrt", "cuda", "cpu"], "what this system cannot have is not offered"
    assert [model.item(index).isEnabled() for index in range(box.count())] == [True, False, True, True]
    tip = box.itemData(1, Qt.ItemDataRole.ToolTipRole)
    assert "not installed" in tip and 'pip install "cpm-live[tensorrt]"' in tip


def test_choosing(menu: EngineMenu, qtbot: QtBot) -> None:
    with qtbot.waitSignal(menu.chosen) as caught:
        menu.box.activated.emit(2)
    assert caught.args == ["cuda"]
    menu.set_engine("cpu")
    assert menu.box.currentData() == "cpu"
    menu.set_engine("something else")
    assert menu.box.currentData() == "auto"


def test_a_build_is_shown_and_stopped(menu: EngineMenu, qtbot: QtBot) -> None:
    assert not menu.progress.isVisible() and not menu.cancel.isVisible()
    menu.show_build(Progress("building", "body: TensorRT is choosing kernels", 1 / 3))
    assert menu.progress.isVisible() and menu.progress.value() == 33
    assert "choosing kernels" in menu.progress.toolTip()
    with qtbot.waitSignal(menu.build_cancelled):
        qtbot.mouseClick(menu.cancel, Qt.MouseButton.LeftButton)
    menu.show_build(None)
    assert not menu.progress.isVisible() and not menu.cancel.isVisible()
