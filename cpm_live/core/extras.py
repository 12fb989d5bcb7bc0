"""The commands that add cpm-live's optional parts to where it is installed."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

NAME = "cpm-live"


@cache
def install(extra: str) -> str:
    """The command that installs an extra (``gpu``, ``tensorrt``, ``train``) for the Python that runs now.

    It names the checkout that cpm-live was installed from, or what the extra consists of, but never the bare name:
    on PyPI that is somebody else's.
    """
    python = pip()
    try:
        distribution = importlib.metadata.distribution(NAME)
        told = json.loads(distribution.read_text("direct_url.json") or "{}")
        needs = _needs(distribution.requires or [], extra)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        told, needs = {}, []
    checkout = Path(url2pathname(urlsplit(str(told.get("url", ""))).path))
    if "dir_info" in told and (checkout / "pyproject.toml").is_file():
        editable = "-e " if told["dir_info"].get("editable") else ""
        return f'{python} install {editable}"{checkout}[{extra}]"'
    wanted = " ".join(f'"{need}"' for need in needs) or f'".[{extra}]" (in the checkout)'
    return f"{python} install {wanted}"


def pip() -> str:
    """The pip of the Python that runs now, as it is typed: another one on the path would serve another Python."""
    if " " not in sys.executable:
        return f"{sys.executable} -m pip"
    # PowerShell takes a quoted name for a text, unless it is called.
    call = "& " if sys.platform == "win32" else ""
    return f'{call}"{sys.executable}" -m pip'


def _needs(requires: list[str], extra: str) -> list[str]:
    """What an extra consists of, other extras that it names included."""
    found: list[str] = []
    for entry in requires:
        what, _, marker = entry.partition(";")
        if f"extra == '{extra}'" not in marker.replace('"', "'"):
            continue
        if what.startswith(f"{NAME}["):
            found += _needs(requires, what.partition("[")[2].partition("]")[0])
        else:
            found.append(what.strip())
    return found
