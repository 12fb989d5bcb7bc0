"""The one error that a person is meant to read."""


class InputError(Exception):
    """Something given from outside cannot be used.

    The message is one line: what, where, and what to do. The command line prints it and ends with
    status 2; the window shows it in its banner.
    """


def first_line(error: Exception) -> str:
    """What a library's error says, in one line of at most 200 characters; its type where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
