"""Starts and ends the moto server's process (moto_process.py) for local_aws.py."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from pipeline.errors import FashionError, StateError
from pipeline.local.state import fault_injection, isolation
from pipeline.local.state.credentials import Credentials
from pipeline.local.state.disk_advice import disk_advice
from pipeline.local.state.standby import Standby
from pipeline.local.state.state_dir import Home

_REPOSITORY = Path(__file__).resolve().parents[3]
_PROCESS = "pipeline.local.state.moto_process"
_END_SECONDS = 5.0
_DEATH_SECONDS = 0.2
_LAST_WORDS_CHARACTERS = 2000
# What the process sees of the user's environment: enough for Python to start, and what tests set.
_PASSED = (
    "PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", fault_injection.VARIABLE,
)  # fmt: skip


class MotoServer:
    """One server process, with a folder for its temporary files and its log. Usable from several threads."""

    def __init__(
        self,
        home: Home,
        standby: Standby,
        names: Iterable[str],
        credentials: Credentials,
        holding: int | None = None,
    ) -> None:
        """Start the server at the port of `standby`, which ends; returns at once. It answers `credentials`.

        `names`: see Guarded.

        `holding` is a file descriptor that the process keeps open while it lives: a lock's.

        Raises:
            StateError: the state folder cannot be written.
        """
        self._ready = False
        # What the process said in the place of being ready.
        self._refusal: str | None = None
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        # A folder of its own, should one process have two servers.
        self._folder = home.scratch(f"moto-{secrets.token_hex(4)}")
        self._log = self._folder / "server.log"
        try:
            self._folder.mkdir(mode=0o700)
            log = self._log.open("wb")
        except OSError as error:
            raise StateError(
                f"Could not write in {self._folder}, for the local S3: {error.strerror}. "
                f"{disk_advice(error, home.temporary)}, then run the same command again."
            ) from error
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        # Moto keeps large objects in unnamed files of the temporary folder: on the state's disk, not in memory.
        environment["TMPDIR"] = str(self._folder)
        with log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "pipeline.local.state.moto_process",
                    str(standby.descriptor),
                    str(home.root),
                ],
                cwd=_REPOSITORY,
                env=environment | isolation.dead_settings() | {"MOTO_DISABLE_GLOBAL_CORS": "true"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=(standby.descriptor, *(() if holding is None else (holding,))),
                # Ctrl-C is for the command, which still has things to save.
                start_new_session=True,
            )
        standby.end()
        # Not by arguments or variables: through a pipe nobody else reads it.
        told = {"names": sorted(names), **asdict(credentials)}
        assert self.process.stdin is not None
        # If it has ended already, `wait_until_ready` says why.
        with contextlib.suppress(BrokenPipeError):
            os.write(self.process.stdin.fileno(), json.dumps(told).encode() + b"\n")

    def wait_until_ready(self) -> None:
        """Return when the server answers and has the saved model packages.

        Raises:
            StateError: the saved packages cannot be put back.
            FashionError: the server could not start.
        """
        with self._lock:
            if not self._ready and self._refusal is None:
                self._await_word()
        if self._refusal is not None:
            raise StateError(self._refusal)

    def _await_word(self) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait(_END_SECONDS)
            raise FashionError(
                "Could not start the local S3 and model registry: the server ended with exit status "
                f"{status}. Remove .venv and let make build it again. The server's last "
                f"words:\n{self.last_words()}"
            )
        self._refusal = json.loads(line).get("error")
        self._ready = self._refusal is None

    @property
    def may_answer(self) -> bool:
        """Whether there is still something to ask: the process runs, and has not said why it will not serve."""
        return self._refusal is None and self.process.poll() is None

    def ask(self, **command: str) -> None:
        """Have the process do something (moto_process.py says what there is); waits until it is done.

        Raises:
            StateError: it could not be done.
            ConnectionError: the process has ended.
        """
        self.wait_until_ready()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self._asking:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        if not line:
            raise ConnectionError("the server's process has ended")
        if error := json.loads(line).get("error"):
            raise StateError(error)

    def last_words(self) -> str:
        """The end of what the server wrote to its log."""
        return self._log.read_text(errors="replace")[-_LAST_WORDS_CHARACTERS:].strip()

    def death(self) -> str | None:
        """How the process ended, and the end of its log, in words; None while it runs."""
        if self._refusal is not None:
            return self._refusal
        try:
            # Its connections break a moment before it can be waited for.
            status = self.process.wait(_DEATH_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        return (
            f"its process ended with status {status} (out of memory?); its last words:\n{self.last_words()}"
        )

    def stop(self) -> None:
        """End the process and remove its files; what it has not saved is lost."""
        self.process.kill()
        # Closes the pipes; what stands in one that nobody reads any more is of no use.
        with contextlib.suppress(BrokenPipeError), self.process:
            pass
        shutil.rmtree(self._folder, ignore_errors=True)
