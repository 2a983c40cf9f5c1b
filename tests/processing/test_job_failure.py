import argparse
import errno
from collections.abc import Sequence
from pathlib import Path

import pytest

from job_failure import EXIT_MESSAGE_LENGTH, JobArgumentParser, JobError, run_job, while_doing


def parse_args(argv: Sequence[str]) -> argparse.Namespace:
    parser = JobArgumentParser("A job.")
    parser.add_argument("--count", type=int, required=True)
    return parser.parse_args(argv)


def fail(args: argparse.Namespace) -> None:
    raise JobError("x" * args.count)


def test_a_job_that_ends_well_returns_0_and_leaves_no_message(tmp_path: Path) -> None:
    path = tmp_path / "message"
    assert run_job(parse_args, lambda args: None, ["--count", "1", "--exit-message", str(path)]) == 0
    assert not path.exists()


def test_a_long_reason_is_cut_to_what_the_service_keeps(tmp_path: Path) -> None:
    path = tmp_path / "message"
    assert run_job(parse_args, fail, ["--count", "5000", f"--exit-message={path}"]) == 1
    assert path.read_text() == "x" * EXIT_MESSAGE_LENGTH


@pytest.mark.parametrize("flags", [[], ["--count", "many"], ["--coun", "1"]])
def test_wrong_usage_is_status_2_with_a_message_and_no_exit(flags: list[str], tmp_path: Path) -> None:
    path = tmp_path / "message"
    assert run_job(parse_args, fail, [*flags, "--exit-message", str(path)]) == 2
    assert "--count" in path.read_text()


def test_a_bug_keeps_its_traceback_and_is_mentioned(tmp_path: Path) -> None:
    path = tmp_path / "message"
    with pytest.raises(ZeroDivisionError):
        run_job(parse_args, lambda args: print(1 // 0), ["--count", "1", "--exit-message", str(path)])
    assert path.read_text() == "A bug, see the log: ZeroDivisionError: integer division or modulo by zero"


def test_outside_a_container_the_message_file_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run_job(parse_args, fail, ["--count", "3", "--exit-message", str(tmp_path / "no" / "message")]) == 1
    )
    assert capsys.readouterr().err == "error: xxx\n"
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "The disk is full"),
        (errno.EACCES, "permissions"),
        (errno.ENOENT, "Check the path"),
        (errno.EIO, "Check the path and the disk"),
    ],
)
def test_what_the_system_refuses_is_explained(number: int, hint: str) -> None:
    with pytest.raises(JobError, match=f"Could not write x: .*{hint}"), while_doing("write x"):
        raise OSError(number, "reason")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_device_reads_as_a_full_disk() -> None:
    expected = pytest.raises(JobError, match=r": No space left on device. The disk is full")
    with expected, while_doing("write"), Path("/dev/full").open("wb") as file:
        file.write(b"x")
