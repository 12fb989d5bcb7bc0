"""The engine menu: what can be chosen, why the rest cannot, what is kept, and a build that is watched and stopped."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cpm_live.core.errors import InputError
from cpm_live.engines import probe
from cpm_live.engines.build import Progress
from cpm_live.engines.probe import Found
from cpm_live.engines.recipe import Recipe
from cpm_live.gui import settings as memory
from cpm_live.gui.engine_menu import EngineMenu
from cpm_live.gui.theme import THEMES, apply
from cpm_live.gui.window import MainWindow
from tests.gui.fakes import KnowingEngine

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


def test_the_wheel_does_not_choose(menu: EngineMenu, qtbot: QtBot) -> None:
    """A careless scroll would load another engine, and keep it for the next start."""
    at = QPointF(menu.box.rect().center())
    with qtbot.assertNotEmitted(menu.chosen, wait=50):
        for turn in (-120, 120):
            wheel = QWheelEvent(
                at, menu.box.mapToGlobal(at), QPoint(0, 0), QPoint(0, turn), Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            QApplication.sendEvent(menu.box, wheel)
    assert menu.box.currentIndex() == 0


@pytest.mark.parametrize("name", ["dark", "light"])
def test_what_cannot_be_chosen_looks_so(menu: EngineMenu, qtbot: QtBot, name: str) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    apply(app, THEMES[name])
    menu.set_engine("cpu")  # neither of the two rows that are compared is the chosen one
    menu.box.showPopup()
    view = menu.box.view()
    qtbot.waitUntil(view.isVisible, timeout=2000)
    picture = view.grab().toImage()

    def strongest(row: int) -> int:
        """How far the row's writing stands out from its ground."""
        area = view.visualRect(menu.box.model().index(row, 0))
        tones = [picture.pixelColor(x, y).lightness() for x in range(area.left() + 4, area.right() - 4)
                 for y in range(area.top() + 1, area.bottom())]  # fmt: skip
        return max(tones) - min(tones)

    assert strongest(1) < strongest(2) - 30, "TensorRT is missing here, CUDA is not"
    menu.box.hidePopup()


def test_a_narrow_window_has_a_short_bar(menu: EngineMenu) -> None:
    menu.show_build(Progress("building", "body", 0.3))
    wide = menu.sizeHint().width()
    menu.set_narrow(True)
    assert menu.sizeHint().width() < wide - 30


def test_an_engine_that_failed_is_not_remembered(window: MainWindow, qtbot: QtBot, store: QSettings) -> None:
    """The next start would fail with it again."""

    def opener(recipe: Recipe, kind: str) -> KnowingEngine:
        raise InputError("no such engine here")

    window.session.live._worker._loader._open = opener  # type: ignore[assignment]
    window.toolbar.engine_chosen.emit("torch")
    qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=5000)
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    assert memory.load(store).engine == "auto"
