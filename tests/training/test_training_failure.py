import errno
from pathlib import Path

import pytest

from training_failure import FAILURE_LENGTH, StoppedError, TrainingError, UsageError, run_job, while_doing


def run(folder: Path, error: Exception) -> int:
    def main(argv: list[str]) -> None:
        raise error

    return run_job(list, main, ["--output-dir", str(folder)])


@pytest.mark.parametrize(("error", "status"), [(TrainingError("told"), 1), (UsageError("told"), 2)])
def test_a_mistake_is_told_once_and_left_in_the_failure_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: Exception, status: int
) -> None:
    assert run(tmp_path, error) == status
    assert capsys.readouterr().err == "error: told\n"
    assert (tmp_path / "failure").read_text() == "told"


def test_a_stop_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, StoppedError("stopped")) == 143
    assert capsys.readouterr().out == "stopped\n"
    assert not (tmp_path / "failure").exists()


def test_a_bug_shows_its_traceback_and_leaves_a_failure_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        run(tmp_path, ZeroDivisionError("a bug"))
    assert (tmp_path / "failure").read_text() == "A bug, see the log: ZeroDivisionError: a bug"


def test_a_long_message_is_cut_to_what_sagemaker_shows(tmp_path: Path) -> None:
    run(tmp_path, TrainingError("x" * 5000))
    assert len((tmp_path / "failure").read_text()) == FAILURE_LENGTH


def test_without_an_output_folder_nothing_is_written(tmp_path: Path) -> None:
    assert run(tmp_path / "nowhere", TrainingError("told")) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named() -> None:
    with pytest.raises(TrainingError, match=r"Could not write it.*The disk is full"), while_doing("write it"):
        raise OSError(errno.ENOSPC, "No space left on device")
