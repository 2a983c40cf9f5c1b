"""`stop` signals the process that runs the execution, and no other that has its number."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.cli.commands.stop import signal_holder
from pipeline.cli.main import main
from pipeline.errors import FashionError
from pipeline.execution import ExecutionRecord
from pipeline.local.state.identity import ProcessIdentity, start_of
from pipeline.local.state.lock import Holder
from pipeline.local.state.state_dir import Home
from tests.pipeline.local.kept_state import make_state

RECORD = ExecutionRecord("abcdef123456", "fashion", "local", "Executing", {}, 1000.0)


def test_only_the_process_that_holds_the_folder_is_signalled() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        started = start_of(process.pid)
        assert started is not None
        runs = replace(ProcessIdentity.mine(), pid=process.pid, started=started)
        signal_holder(RECORD, Holder(replace(runs, started=started - 1), "abcdef123456"))
        assert process.poll() is None
        signal_holder(RECORD, Holder(runs, "abcdef123456"))
        assert process.wait() == -signal.SIGTERM


def test_a_process_of_another_container_or_version_is_left_alone_and_it_is_said() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        elsewhere = ProcessIdentity(process.pid, 1, "0123456789ab")
        for holder in (Holder(elsewhere, "abcdef123456"), Holder(None, "abcdef123456")):
            with pytest.raises(FashionError, match=r"cannot be reached from here\. Nothing was stopped\."):
                signal_holder(RECORD, holder)
        assert process.poll() is None
        process.kill()


def test_an_empty_id_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of a variable that is not set: it is not whatever runs."""
    home = Home.open(tmp_path)
    make_state(home, 2, 0)
    monkeypatch.setenv("FASHION_HOME", str(tmp_path))
    assert main(["stop", ""]) == 2
    assert "there is no ''" in capsys.readouterr().err
