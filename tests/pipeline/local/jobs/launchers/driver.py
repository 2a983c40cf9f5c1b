"""Runs a shell text as a job, for tests that start it as a process of its own, also as another user.

argv: FOLDER LAUNCHER TEXT [LOCALPATH…]. Prints the process id of its reaper, what the job prints, and how it ended.
Standard library alone: another user's Python may have nothing else.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.joblog import JobLog
from pipeline.local.jobs.launchers.launcher import Launcher, ToStart
from pipeline.local.jobs.launchers.process import Process
from pipeline.local.jobs.launchers.sandbox import Sandbox
from pipeline.local.jobs.launchers.surroundings import needed_folders
from pipeline.local.jobs.process import run_process
from pipeline.local.jobs.reaper import Reaper
from pipeline.local.state.state_dir import Home


def main() -> None:
    """See the module's docstring."""
    folder, name, text, *mounts = sys.argv[1:]
    needed = needed_folders(Path(folder), os.environ)
    launcher: Launcher = Sandbox(needed, home=Home(Path(folder))) if name == "sandbox" else Process(needed)
    container = Container.create(Path(folder) / "job", tuple(mounts), launcher.seen_at)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": container.seen("/"),
        "MODEL": container.seen("/opt/ml/model"),
    }
    with (
        Reaper(grace=0.3) as reaper,
        JobLog(Path(folder) / "log.txt", lambda line: print(line, flush=True)) as log,
        launcher.around([container]),
    ):
        print(reaper.pid, flush=True)
        program = launcher.program(ToStart(container, ["/bin/sh", "-c", text], "/opt/ml", environment))
        ended = run_process(
            program.becomes,
            cwd=program.cwd,
            environment=program.environment,
            entering=program.entering,
            log=log,
            stop=stop,
            reaper=reaper,
            time_limit=60,
            stop_grace=0.5,
        )
    print(ended.describe())


if __name__ == "__main__":
    main()
