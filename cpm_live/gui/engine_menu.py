"""The engine menu: which engines there are, why others cannot be chosen, and a build's progress."""

from __future__ import annotations

import sys

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QProgressBar, QStyledItemDelegate, QWidget

from cpm_live.engines import probe
from cpm_live.engines.build import Progress
from cpm_live.engines.probe import Found
from cpm_live.engines.select import LABELS
from cpm_live.gui.widgets import BUTTON_KEYS, IconButton, give_focus_back, keeps, tip

_ELSEWHERE = {"win32": ("coreml",), "darwin": ("tensorrt", "cuda", "directml")}
_NOT_ON_LINUX = ("directml", "coreml")


def offered_engines() -> list[Found]:
    """The engines of this system, ready or not; what is not ready says why. Loads no library but ONNX Runtime."""
    hidden = _ELSEWHERE.get(sys.platform, _NOT_ON_LINUX)
    found = [one for one in probe.find_engines() if one.kind not in hidden]
    # The reference is for those who train; others need not know that it is missing.
    return [one for one in found if one.kind != "torch" or one.ready]


class _Box(QComboBox):
    """A drop-down that the wheel does not turn: it would load another engine, and keep it."""

    def __init__(self) -> None:
        super().__init__()
        # The usual delegate draws what cannot be chosen like the rest.
        self.setItemDelegate(QStyledItemDelegate(self))

    def event(self, event: QEvent) -> bool:
        """Keep Space, which opens the list, for ourselves."""
        return keeps(event, BUTTON_KEYS) or super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Not for us."""
        event.ignore()


class EngineMenu(QWidget):
    """A drop-down, and beside it, while TensorRT builds, how far it is and a button to stop it.

    Signals:
        chosen: the engine that the person chose.
        build_cancelled: the button was pressed.
    """

    chosen = Signal(str)
    build_cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Engine")
        self.box = _Box()
        self.box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.box.setAccessibleName("Engine")
        self.box.setToolTip("Engine: what runs the network")
        self.box.setMinimumWidth(76)
        self.box.addItem(LABELS["auto"], "auto")
        self.box.setItemData(0, "The best one that this machine has", Qt.ItemDataRole.ToolTipRole)
        for found in offered_engines():
            self._add(found)
        self.progress = QProgressBar()
        self.set_narrow(False)
        self.progress.setRange(0, 100)
        self.progress.setAccessibleName("TensorRT build")
        self.cancel = IconButton("close", "Stop building the TensorRT engine")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        for widget in (self.box, self.progress, self.cancel):
            row.addWidget(widget)
        self.show_build(None)
        self.box.activated.connect(lambda index: self.chosen.emit(self.box.itemData(index)))
        self.cancel.clicked.connect(self.build_cancelled)

    def _add(self, found: Found) -> None:
        self.box.addItem(LABELS[found.kind], found.kind)
        index = self.box.count() - 1
        about = found.what + (f"\n{found.fix}" if found.fix else "")
        self.box.setItemData(index, tip(about), Qt.ItemDataRole.ToolTipRole)
        model = self.box.model()
        if not found.ready and isinstance(model, QStandardItemModel):
            model.item(index).setEnabled(False)

    def set_narrow(self, narrow: bool) -> None:
        """Take less room, in a small window."""
        self.progress.setFixedWidth(40 if narrow else 84)

    def set_engine(self, name: str) -> None:
        """Show the wanted engine."""
        self.box.setCurrentIndex(max(0, self.box.findData(name)))

    def show_build(self, progress: Progress | None) -> None:
        """Show how far a build is; None for no build."""
        building = progress is not None
        if not building:
            give_focus_back(self.cancel)
        self.progress.setVisible(building)
        self.cancel.setVisible(building)
        if progress is not None:
            self.progress.setValue(round(100 * progress.share))
            self.progress.setToolTip(tip(f"Building the TensorRT engine\n{progress.text}"))
