"""Models of a person's own in the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from cpm_live.gui import settings as memory
from cpm_live.gui.own_models import OPEN
from cpm_live.gui.window import MainWindow
from tests.gui.conftest import Opener

JOINTS = 'joints = ["nose", "tail"]\nlimbs = [["nose", "tail"]]\n'


def recipe(folder: Path, name: str) -> Path:
    path = folder / f"{name}.toml"
    model = f'name = "{name}"\nskeleton = "mouse"\npreset = "tiny"\nweights = "{name}.safetensors"\n'
    path.write_text(f"[model]\n{model}[skeleton]\n{JOINTS}")
    return path


def drop(window: MainWindow, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    action, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(9, 9), action, data, button, none))
    QApplication.sendEvent(window, QDropEvent(QPointF(9, 9), action, data, button, none))


def buttons(window: MainWindow) -> list[str]:
    return [*window.toolbar.model._buttons]


def test_a_recipe_that_is_dropped_runs_and_is_remembered(
    window: MainWindow, tmp_path: Path, qtbot: QtBot, store: QSettings, open_window: Opener
) -> None:
    source = window.session.source
    drop(window, recipe(tmp_path, "mouse"))
    qtbot.waitUntil(lambda: window.session.latest is not None and window.session.latest.model == "mouse", timeout=5000)
    assert window.session.source == source
    assert buttons(window) == ["body", "hand", "mouse"] and window.toolbar.model.chosen_key() == "mouse"
    window.choose_model("body")
    assert buttons(window) == ["body", "hand", "mouse"]
    qtbot.waitUntil(lambda: window.session.latest.model == "body", timeout=5000)
    window.choose_model("mouse")
    qtbot.waitUntil(lambda: window.session.latest.model == "mouse", timeout=5000)
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    assert memory.load(store).model == str(tmp_path / "mouse.toml")


def test_the_newest_has_the_button(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    width = window.toolbar.model.sizeHint().width
    drop(window, recipe(tmp_path, "mouse"))
    one = width()
    drop(window, recipe(tmp_path, "horse"))
    assert buttons(window) == ["body", "hand", "horse"] and window.toolbar.model.chosen_key() == "horse"
    assert abs(width() - one) < 20


@pytest.mark.parametrize("width", [760, 800, 955, 1100])
def test_a_dropped_models_button_has_room(window: MainWindow, tmp_path: Path, qtbot: QtBot, width: int) -> None:
    """Other buttons make room, as where it is there from the start; names were squeezed to dots."""
    drop(window, recipe(tmp_path, "a-long-name-of-a-mouse"))
    window.resize(width, 600)
    bar = window.toolbar
    names = bar.model._buttons.values()

    def fits() -> bool:
        return bar.width() == width and all(name.width() >= name.sizeHint().width() for name in names)

    qtbot.waitUntil(fits, timeout=3000)
    assert bar.minimumSizeHint().width() <= width


def test_what_is_no_model_leaves_the_one_before(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[model]\n")
    for path, says in ((broken, "lacks name"), (tmp_path / "pose_iter_1.caffemodel", "cpm-live models import")):
        drop(window, path)
        notice = window.picture.banner.notice
        assert notice is not None and says in notice.text
    assert window.session.recipe is not None and window.session.recipe.name == "body"
    assert buttons(window) == ["body", "hand"]


def test_the_buttons_ask_for_one(
    window: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[QFileDialog] = []
    monkeypatch.setattr(QFileDialog, "open", lambda dialog: asked.append(dialog))
    next(action for action in window.toolbar.model.actions() if action.text() == OPEN).trigger()
    assert "*.toml" in asked[0].nameFilters()[0] and "*.safetensors" in asked[0].nameFilters()[0]
    asked[0].fileSelected.emit(str(recipe(tmp_path, "mouse")))
    qtbot.waitUntil(lambda: window.session.latest is not None and window.session.latest.model == "mouse", timeout=5000)
    asked[0].deleteLater()
