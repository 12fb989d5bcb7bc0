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


def test_what_went_wrong_is_told_not_where_in_a_librarys_source() -> None:
    """As OpenVINO says it: without this all its errors read alike."""
    where = (
        "Exception from src/inference/src/cpp/core.cpp:84:\nException from src/inference/src/model_reader.cpp:148:\n"
    )
    check = "Check 'val_i >= 0' failed at src/inference/src/dev/threading/istreams_executor.hpp:58:\n"
    assert first_line(RuntimeError(f"{where}{check}Unable to read it\n\n")) == "Unable to read it"
    cut = f"{where}{check}FrontEnd API failed with GeneralFailure:\n  Model can't be parsed\n\n"
    assert first_line(RuntimeError(cut)) == "FrontEnd API failed with GeneralFailure: Model can't be parsed"
    assert first_line(RuntimeError(where)) == where.splitlines()[0], "all that there is"
    assert first_line(RuntimeError("a.cpp:7: no such thing\nmore")) == "a.cpp:7: no such thing"
