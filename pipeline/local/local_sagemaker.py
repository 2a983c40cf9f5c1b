"""A local SageMaker while a block lasts: a state folder held alone, the engine, and the server that leads to it.

    with local_sagemaker(Path("state")) as sagemaker:
        client = sagemaker.client("sagemaker")          # or any client in sagemaker.environment
        client.create_pipeline(…)

The command `local-sagemaker` and the pytest fixture `local_sagemaker` are this.
"""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import FashionError, StateError
from pipeline.local.endpoint.engine import DEFAULT, Choices, Engine
from pipeline.local.endpoint.identity import Form, Identity
from pipeline.local.endpoint.operations import Answers, Operation, all_operations
from pipeline.local.endpoint.passing import Passing
from pipeline.local.endpoint.routing import Router
from pipeline.local.endpoint.server import ADDRESS, Server, listen
from pipeline.local.endpoint.surroundings import client_environment, write_config
from pipeline.local.endpoint.switches import Switches
from pipeline.local.opened import Opened, open_state
from pipeline.local.state.lock import find_holder
from pipeline.local.state.resources import Resources
from pipeline.local.state.signatures import Verifier
from pipeline.local.state.state_dir import Home
from pipeline.loopback_requests import names_of

Say = Callable[[str], None]


@contextmanager
def local_sagemaker(
    state: Path,
    port: int = 0,
    *,
    user: Mapping[str, str] | None = None,
    say: Say = lambda line: None,
    choices: Choices = DEFAULT,
    operations: Mapping[tuple[str, str], Operation] | None = None,
    forms: Mapping[tuple[str, str], Callable[[Form], str]] | None = None,
    check: bool = False,
) -> Iterator[LocalSageMaker]:
    """Serve at a port of loopback (0: any) while the block lasts; what runs at its end is stopped.

    Args:
        state: the state folder, which is made if need be.
        user: the environment whose SDK configuration is merged; None: none.
        say: is told what a command would print beside its result.
        choices: how jobs run.
        operations: more operations, by service (botocore's name) and name, or others in the place of the server's.
        forms: the same for services that take forms; each returns the XML of its result.
        check: hold answers against botocore's model, and fail where the service could not answer so.

    Raises:
        UsageError: the port is in use.
        StateError: the state folder cannot be used, or another local SageMaker has it.
    """
    home = Home.open(state)
    with listen(port) as listening:
        holder = find_holder(home)
        if holder is not None and holder.serves:
            pid = "" if holder.process is None else f" (process {holder.process.pid})"
            raise StateError(
                f"Could not use the state folder {home.root}: the local SageMaker at {holder.serves}{pid} has it. "
                "Use that one or end it, or name another folder with --state."
            )
        with open_state(home, say) as opened:
            sagemaker = LocalSageMaker(
                opened, listening, user or {}, say, choices, operations or {}, forms or {}, check
            )
            try:
                yield sagemaker
            finally:
                sagemaker.close()


class LocalSageMaker:
    """A server that runs. Made by local_sagemaker. Usable from several threads.

    `switches` make it fail, throttle or answer oddly; `environment` leads any client to it.
    """

    def __init__(
        self,
        opened: Opened,
        listening: socket.socket,
        user: Mapping[str, str],
        say: Say,
        choices: Choices,
        operations: Mapping[tuple[str, str], Operation],
        forms: Mapping[tuple[str, str], Callable[[Form], str]],
        check: bool,
    ) -> None:
        self._opened = opened
        self.switches = Switches()
        aws = opened.aws
        self._folder = opened.home.scratch("local-sagemaker")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = self._folder / "sagemaker-config.yaml"
        if note := write_config(config, aws.BUCKET, user):
            say(note)
        self._engine = Engine(
            opened.home, opened.lock, opened.store, aws, Resources(opened.store), say, choices
        )
        self._say = say
        answers = Answers(
            {**all_operations(self._engine), **operations}, self.switches, self._engine.tell_bug, check=check
        )
        router = Router(
            Verifier(aws.credentials),
            names_of(ADDRESS),
            answers,
            {**Identity(aws.credentials).operations, **forms},
            Passing(self._moto),
            self.switches,
        )
        self._server = Server(listening, router)
        self.url = self._server.url
        self.environment = client_environment(self.url, aws.credentials, config)
        opened.lock.by_server(self.url)
        self._server.start()
        # The first client for S3 need not wait for what is ready by then.
        threading.Thread(target=self._warm_up, daemon=True).start()

    @property
    def bucket(self) -> str:
        """The bucket that is there from the start, called as the SDK's default bucket is."""
        return self._opened.aws.BUCKET

    def session(self) -> Any:
        """A boto3 session all of whose clients ask this server, whatever the environment says."""
        from pipeline.local.state.clients import LoopbackSession

        return LoopbackSession(self.url, self._opened.aws.credentials)

    def client(self, service: str) -> Any:
        """A boto3 client of this server."""
        return self.session().client(service)

    @property
    def engine(self) -> Engine:
        """What runs the executions, for tests that look behind the answers."""
        return self._engine

    @property
    def opened(self) -> Opened:
        """The state folder and its local S3, for tests that look behind the answers."""
        return self._opened

    def close(self) -> None:
        """Stop what runs, save everything, end the server."""
        self._server.stop()
        self._engine.close()
        aws = self._opened.aws
        try:
            aws.save_objects()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _moto(self) -> str:
        """Where moto is, with the bucket that is there from the start; waits until it is."""
        self._opened.aws.session()
        return self._opened.aws.endpoint_url

    def _warm_up(self) -> None:
        try:
            self._opened.aws.session()
        except FashionError as error:
            self._say(str(error))
        except RuntimeError:
            pass  # The server has ended before it was asked for anything.
