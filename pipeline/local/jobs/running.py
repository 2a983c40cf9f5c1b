"""Runs the processes of a job side by side, one a host. The failure of one, the time limit, a stop end them all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.local.jobs.hosts import Host
from pipeline.local.jobs.launchers.launcher import Program
from pipeline.local.jobs.process import Ended, Signal, run_process
from pipeline.local.jobs.reaper import Reaper

if TYPE_CHECKING:
    from concurrent.futures import Future


class ServerEnded(Exception):
    """Work with servers cannot go on, since one of them has ended by itself."""


# Does something with processes that serve while it lasts; it is given what says whether one of them has ended.
Work = Callable[[Callable[[], bool]], None]


@dataclass(frozen=True)
class Launch:
    """What a host runs: `program` here, which gives the job its `environment`."""

    host: Host
    program: Program
    environment: Mapping[str, str]


class _Either:
    """Is set when one of `signals` is."""

    def __init__(self, *signals: Signal) -> None:
        self._signals = signals

    def is_set(self) -> bool:
        return any(signal.is_set() for signal in self._signals)


def run_hosts(
    launches: Sequence[Launch],
    *,
    stop: threading.Event,
    reaper: Reaper,
    time_limit: float,
    limit_grace: float,
    stop_grace: float,
    work: Work | None = None,
) -> list[Ended] | None:
    """Run all `launches` to their ends, which are returned in the same order; see run_process.

    As in SageMaker a host that fails ends the others, with SIGTERM first, and one that ends well does not.
    With `work` they are servers: it runs meanwhile, and when it is done they are ended, and None returned.

    Raises:
        OSError: a process cannot be started; the others have been ended.
        Exception: what `work` raises, but for ServerEnded.
    """
    failed, done = threading.Event(), threading.Event()

    def run(launch: Launch) -> Ended:
        try:
            ended = run_process(
                launch.program.becomes,
                cwd=launch.program.cwd,
                environment=launch.program.environment,
                entering=launch.program.entering,
                log=launch.host.log,
                stop=_Either(stop, failed, done),
                reaper=reaper,
                time_limit=time_limit,
                limit_grace=limit_grace,
                stop_grace=stop_grace,
            )
        except BaseException:
            failed.set()
            raise
        launch.host.log.end()
        # The time limit reaches each host by itself, and leaves it more time to end.
        if ended.cause == "exited" and not ended.succeeded:
            failed.set()
        return ended

    if len(launches) == 1 and work is None:
        return [run(launches[0])]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=len(launches)) as threads:
        running = [threads.submit(run, launch) for launch in launches]
        if work is not None and _do(work, running, done):
            return None
        return [future.result() for future in running]


def _do(work: Work, running: Sequence[Future[Ended]], done: threading.Event) -> bool:
    """Whether `work` came to its end; the servers are told to end in any case."""
    try:
        work(lambda: any(future.done() for future in running))
    except ServerEnded:
        return False
    finally:
        done.set()
    return True


def decisive(ends: Sequence[Ended]) -> int | None:
    """Which of the hosts' ends is the job's: the first failure, or else a stop; None when all ended well.

    What comes after the first failure is its consequence: the others lose their partner, or are stopped for it.
    """
    failures = [place for place, ended in enumerate(ends) if not ended.succeeded]
    own = [place for place in failures if ends[place].cause != "stopped"]
    return min(own or failures, key=lambda place: ends[place].at, default=None)
