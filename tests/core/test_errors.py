"""What a person is told is shown as it is, and obeyed by nothing."""

from __future__ import annotations

import pickle

import pytest

from cpm_live.capture.base import SourceLost
from cpm_live.core.errors import InputError, first_line, printable

NAME = "film\x1b]0;mine\x07\x1b[2J\r\x9bend.mp4"
SHOWN = r"film\x1b]0;mine\x07\x1b[2J\x0d\x9bend.mp4"


@pytest.mark.parametrize("kind", [InputError, SourceLost])
def test_commands_to_a_terminal_in_names_are_spelt_out(kind: type[InputError]) -> None:
    error = kind(f"cannot open {NAME}")
    assert str(error) == f"cannot open {SHOWN}" == str(pickle.loads(pickle.dumps(error)))
    assert first_line(ValueError(NAME)) == SHOWN.partition(r"\x0d")[0]


def test_letters_of_any_script_stay() -> None:
    for text in ("\u753b.mp4", "a\u3000b", "stra\u00dfe \u00a0 x", "two\n\tlines"):
        assert printable(text) == text
