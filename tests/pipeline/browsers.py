"""The browser that tests look at pages with, where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def browser_program(untested: str) -> str:
    """The path of a browser; without one the test is skipped, saying loudly what is not tested."""
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(
            f"NOT TESTED: {untested}. None of {', '.join(PROGRAMS)} is on the PATH. "
            "Install one (Debian: apt-get install chromium)."
        )
    return program


@contextmanager
def start_chromium(program: str, *arguments: str) -> Iterator[Any]:
    """The browser while the block lasts.

    Without its sandbox, which needs rights that containers often lack: the pages are our own.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="NOT TESTED IN A BROWSER. No playwright.")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox", *arguments])
        yield browser
        browser.close()
