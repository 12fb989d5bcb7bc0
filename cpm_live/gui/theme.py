"""The two looks: palette and style sheet from one small table of colours."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from cpm_live.core.paths import resource


@dataclass(frozen=True, slots=True)
class Theme:
    """A look.

    Attributes:
        window: behind everything; panel: cards and bars; raised: buttons; border: hairlines;
        text, muted: writing; accent: what is chosen; on_accent: writing on it; danger, good: states.
    """

    name: str
    window: str
    panel: str
    raised: str
    hover: str
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    danger: str
    good: str


DARK = Theme(
    "dark", window="#121418", panel="#1a1d23", raised="#262a33", hover="#313642", border="#2c313b",
    text="#e8eaee", muted="#98a0ad", accent="#7c9cff", on_accent="#0d1020", danger="#ff5d5d", good="#4bd38a",
)  # fmt: skip
LIGHT = Theme(
    "light", window="#eceef2", panel="#fbfcfd", raised="#e9ecf1", hover="#dde2ea", border="#d2d7df",
    text="#1b1f26", muted="#5a6370", accent="#3b5bdb", on_accent="#ffffff", danger="#d12f2f", good="#12804a",
)  # fmt: skip
THEMES = {theme.name: theme for theme in (DARK, LIGHT)}

PICTURE_BACKGROUND = QColor("#0b0c0f")
"""Around the picture in both looks: video is judged against black."""


def palette(theme: Theme) -> QPalette:
    """Qt's palette; widgets that paint themselves take every colour from it."""
    result = QPalette()
    role = QPalette.ColorRole
    for which, colour in (
        (role.Window, theme.window), (role.WindowText, theme.text), (role.Base, theme.panel),
        (role.AlternateBase, theme.raised), (role.Text, theme.text), (role.Button, theme.raised),
        (role.ButtonText, theme.text), (role.BrightText, theme.danger), (role.Highlight, theme.accent),
        (role.HighlightedText, theme.on_accent), (role.PlaceholderText, theme.muted), (role.Mid, theme.border),
        (role.Midlight, theme.hover), (role.Dark, theme.border), (role.Light, theme.hover),
        (role.ToolTipBase, theme.raised), (role.ToolTipText, theme.text), (role.Link, theme.accent),
        (role.Shadow, "#000000"),
    ):  # fmt: skip
        result.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.muted))
    return result


def style_sheet(theme: Theme) -> str:
    """What the palette cannot say."""
    t = theme
    # Quoted: at an umlaut, an apostrophe or a bracket in a path Qt would give up the whole sheet.
    chevron = resource("icons/chevron.svg").as_posix().replace("\\", "\\\\").replace('"', '\\"')
    return f"""
    QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.border}; padding: 4px 6px; }}
    #toolbar, #statusBar, #timeline {{ background: {t.panel}; }}
    #toolbar {{ border-bottom: 1px solid {t.border}; }}
    #statusBar {{ border-top: 1px solid {t.border}; }}
    #card, #strip {{ background: {t.panel}; }}
    #strip {{ border-top: 1px solid {t.border}; }}
    #heading {{ color: {t.text}; font-weight: 600; }}
    #muted {{ color: {t.muted}; }}
    #divider {{ background: {t.border}; }}
    QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: 6px; padding: 4px;
        color: {t.text}; }}
    QToolButton:hover {{ background: {t.hover}; }}
    QToolButton:pressed {{ background: {t.border}; }}
    QToolButton:checked {{ background: {t.raised}; }}
    QToolButton:focus {{ border-color: {t.accent}; }}
    QToolButton:disabled {{ color: {t.muted}; }}
    QToolButton::menu-indicator {{ image: none; }}
    #source, QComboBox {{ background: {t.raised}; border: 1px solid {t.border}; border-radius: 6px;
        padding: 3px 8px; color: {t.text}; min-height: 22px; }}
    #source:hover, QComboBox:hover {{ background: {t.hover}; }}
    #source:focus, QComboBox:focus {{ border-color: {t.accent}; }}
    QComboBox::drop-down {{ border: none; width: 20px; }}
    QComboBox::down-arrow {{ image: url("{chevron}"); width: 12px; height: 12px; }}
    QComboBox QAbstractItemView {{ background: {t.panel}; border: 1px solid {t.border};
        selection-background-color: {t.hover}; selection-color: {t.text}; outline: none; padding: 4px; }}
    QComboBox QAbstractItemView::item {{ padding: 4px 6px; }}
    QComboBox QAbstractItemView::item:disabled {{ color: {t.muted}; }}
    #segments {{ background: {t.raised}; border: 1px solid {t.border}; border-radius: 7px; }}
    #segments QToolButton {{ border-radius: 5px; padding: 3px 10px; color: {t.muted}; }}
    #segments QToolButton:checked {{ background: {t.accent}; color: {t.on_accent}; font-weight: 600; }}
    #segments QToolButton:disabled {{ color: {t.border}; }}
    #segments QToolButton:checked:disabled {{ background: {t.hover}; color: {t.muted}; }}
    #segments QToolButton:focus {{ border-color: {t.text}; }}
    #badge {{ background: {t.accent}; color: {t.on_accent}; font-weight: 600; padding: 1px 8px; border-radius: 5px; }}
    #badge:focus {{ border-color: {t.text}; }}
    #popover {{ background: {t.panel}; border: 1px solid {t.border}; border-radius: 9px; }}
    QPushButton:disabled {{ color: {t.muted}; }}
    QSlider::groove:horizontal {{ background: {t.border}; height: 4px; border-radius: 2px; }}
    QSlider::sub-page:horizontal {{ background: {t.accent}; height: 4px; border-radius: 2px; }}
    QSlider::handle:horizontal {{ background: {t.text}; width: 14px; height: 14px; margin: -5px 0;
        border-radius: 7px; }}
    QSlider::handle:horizontal:focus {{ background: {t.accent}; }}
    #record:checked {{ background: {t.danger}; }}
    QMenu {{ background: {t.panel}; color: {t.text}; border: 1px solid {t.border}; padding: 5px; }}
    QMenu::item {{ padding: 6px 22px 6px 12px; border-radius: 4px; }}
    QMenu::icon {{ padding-left: 8px; }}
    QMenu::item:selected {{ background: {t.hover}; }}
    QMenu::item:disabled {{ color: {t.muted}; }}
    QMenu::separator {{ height: 1px; background: {t.border}; margin: 5px 6px; }}
    QSplitter::handle {{ background: {t.border}; }}
    QSplitter::handle:hover {{ background: {t.accent}; }}
    QScrollArea {{ background: transparent; border: none; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar::handle:vertical {{ background: {t.hover}; border-radius: 4px; min-height: 30px; margin: 1px; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QDialog {{ background: {t.panel}; }}
    #key {{ background: {t.raised}; border: 1px solid {t.border}; border-bottom-width: 2px; border-radius: 4px;
        padding: 1px 6px; color: {t.text}; font-weight: 600; }}
    QPushButton {{ background: {t.raised}; border: 1px solid {t.border}; border-radius: 6px; padding: 5px 14px; }}
    QPushButton:hover {{ background: {t.hover}; }}
    QPushButton:focus {{ border-color: {t.accent}; }}
    QLineEdit {{ background: {t.window}; border: 1px solid {t.border}; border-radius: 6px; padding: 5px 8px; }}
    """


def apply(app: QApplication, theme: Theme) -> None:
    """Give the whole application this look."""
    if app.property("cpm-theme") == theme.name:
        return
    if app.property("cpm-theme") is None:
        app.setStyle("Fusion")
    app.setProperty("cpm-theme", theme.name)
    app.setPalette(palette(theme))
    app.setStyleSheet(style_sheet(theme))
