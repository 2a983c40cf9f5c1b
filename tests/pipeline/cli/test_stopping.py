"""`stop` signals the process that runs the execution, and no other that has its number."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import replace

import pytest

from pipeline.cli.commands.stop import signal_holder
from pipeline.errors import FashionError
from pipeline.execution import ExecutionRecord
from pipeline.local.state.identity import ProcessIdentity, start_of
from pipeline.local.state.lock import Holder

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
