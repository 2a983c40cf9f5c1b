"""Opens a state folder for a command that runs something: held alone, put in order, with its local S3 running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.local.state.credentials import Credentials
from pipeline.local.state.ending import mark_interrupted
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.lock import Held, exclusive
from pipeline.local.state.rebuilding import write_journals
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store


@dataclass(frozen=True)
class Opened:
    """A state folder that is held alone, and what belongs to it."""

    home: Home
    lock: Held
    store: Store
    aws: LocalAws


@contextmanager
def open_state(
    home: Home,
    say: Callable[[str], None],
    credentials: Credentials | None = None,
    *,
    containers: bool = False,
) -> Iterator[Opened]:
    """The state folder while the block lasts; waits while another command has it.

    `say` is told of that, and of what commands that were killed have left. `credentials`: see LocalAws.
    `containers`: its S3 listens where containers reach it.

    Raises:
        UsageError: there is no engine for containers.
    """
    listens_at = reached_at = "127.0.0.1"
    if containers:
        from pipeline.local.jobs.launchers.containers.engine import find_engine

        address = find_engine().address
        listens_at, reached_at = address.listens_at, address.reached_at
    with exclusive(home, say) as lock, Store(home) as store:
        mark_interrupted(store)
        write_journals(home, store)
        if left := home.sweep():
            say(left)
        with LocalAws(
            home,
            store,
            listens_at,
            called=reached_at,
            holding=lock.descriptor,
            credentials=credentials,
        ) as aws:
            yield Opened(home, lock, store, aws)
