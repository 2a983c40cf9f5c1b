"""Another Python for jobs: found, described, or refused with what is wrong with it."""

import sys
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.local.jobs.interpreter import find_interpreter, this_interpreter


def test_the_probe_says_of_this_python_what_it_says_of_itself() -> None:
    assert find_interpreter(sys.executable) == this_interpreter()


def test_a_package_is_found_by_its_folder() -> None:
    assert this_interpreter().has("numpy")
    assert not this_interpreter().has("no_such_package")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such program"),
        ("#!/bin/sh\necho other words\n", r"it is not Python 3 \(other words\)"),
        ("#!/bin/sh\necho no >&2; exit 3\n", r"it is not Python 3 \(no\)"),
        ("#!/bin/sh\nexit 3\n", r"it is not Python 3 \(exit status 3\)"),
        ("#!/no/such/interpreter\n", "it does not run: "),
        ("#!/bin/sh\necho '[]'\n", "it is not Python 3"),
    ],
)
def test_what_is_no_python_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    program = tmp_path / "python"
    if content is not None:
        program.write_text(content)
        program.chmod(0o755)
    with pytest.raises(UsageError, match=f"Could not use --python {program}: {message}"):
        find_interpreter(str(program))


def test_a_folder_is_refused_with_the_program_in_it(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=f"it is a folder. Name the program itself, such as {tmp_path}/bin/python"
    ):
        find_interpreter(str(tmp_path))


def test_a_python_that_is_too_old_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "python"
    answer = '{"version": [3, 6], "base": "/p", "packages": [], "prefixes": [], "protected": [], "image": ""}'
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    with pytest.raises(UsageError, match=r"jobs need Python 3\.8 or newer \(got 3\.6\)"):
        find_interpreter(str(program))
