"""A local SageMaker while a block lasts: a state folder held alone, the engine, and the server that leads to it.

    with local_sagemaker(Path("state")) as sagemaker:
        client = sagemaker.client("sagemaker")          # or any client in sagemaker.environment
        client.create_pipeline(…)

The command `local-sagemaker` and the pytest fixture `local_sagemaker` are this.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import FashionError, StateError
from pipeline.execution import EXECUTION_ENDS
from pipeline.local.endpoint.connection import MakeWay
from pipeline.local.endpoint.endpoints import Endpoints
from pipeline.local.endpoint.engine import DEFAULT, Choices, Engine
from pipeline.local.endpoint.identity import Form, Identity
from pipeline.local.endpoint.invoking import invoke
from pipeline.local.endpoint.operations import Answering, Answers, Operation, all_operations
from pipeline.local.endpoint.passing import Passing
from pipeline.local.endpoint.routing import Router
from pipeline.local.endpoint.server import ADDRESS, Server, listen
from pipeline.local.endpoint.surroundings import client_environment, write_config
from pipeline.local.endpoint.switches import Switches
from pipeline.local.endpoint.wire import ServiceError
from pipeline.local.opened import Opened, open_state
from pipeline.local.state.credentials import new_credentials
from pipeline.local.state.lock import find_holder
from pipeline.local.state.resources import Resources
from pipeline.local.state.signatures import Verifier
from pipeline.local.state.state_dir import Home
from pipeline.loopback_requests import names_of

Say = Callable[[str], None]
_POLL_SECONDS = 0.1


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
    is_motos: Callable[[str], bool] = lambda name: False,
) -> Iterator[LocalSageMaker]:
    """Serve at a port of loopback (0: any) while the block lasts; what runs at its end is stopped.

    Args:
        state: the state folder, which is made if need be.
        user: the environment whose SDK configuration is merged; None: none.
        say: is told what a command would print beside its result.
        choices: how jobs run.
        operations: more operations, by service (botocore's name) and name, or others in the place of the server's.
        forms: the same for services that take forms; each returns the XML of its result.
        is_motos: which operations moto is to answer, by name: it has more of them, and executes none.
        check: hold answers against botocore's model, and fail where the service could not answer so.

    Raises:
        UsageError: the port is in use.
        StateError: the state folder cannot be used, or another local SageMaker has it.
    """
    with listen(port) as listening:
        sagemaker = LocalSageMaker(
            listening, user or {}, say, choices, operations or {}, forms or {}, check, is_motos
        )
        try:
            sagemaker.begin(state)
            yield sagemaker
        finally:
            sagemaker.close()


class LocalSageMaker:
    """A server that runs. Made by local_sagemaker. Usable from several threads.

    `switches` make it fail, throttle or answer oddly; `environment` leads any client to it.
    """

    def __init__(
        self,
        listening: socket.socket,
        user: Mapping[str, str],
        say: Say,
        choices: Choices,
        operations: Mapping[tuple[str, str], Operation],
        forms: Mapping[tuple[str, str], Callable[[Form], str]],
        check: bool,
        is_motos: Callable[[str], bool],
    ) -> None:
        self._say = say
        self._choices = choices
        self._more = operations
        self._check = check
        self._user = user
        self._credentials = new_credentials()
        self._behind = ExitStack()
        self._folders = ExitStack()
        self._state: Behind | None = None
        self.switches = Switches()
        self._router = Router(
            Verifier(self._credentials),
            names_of(ADDRESS),
            self._answer,
            {**Identity(self._credentials).operations, **forms},
            Passing(self._moto),
            self.switches,
            is_motos,
            self._invoke,
        )
        self._server = Server(listening, self._router, makes_way=True)
        self.url = self._server.url
        self.environment: dict[str, str] = {}

    def begin(self, state: Path) -> None:
        """Open the state folder, and answer. Raises StateError when it cannot be used."""
        self.renew(state)
        home = self.opened.home
        folder = home.scratch("local-sagemaker")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folders.callback(shutil.rmtree, folder, ignore_errors=True)
        config = folder / "sagemaker-config.yaml"
        if note := write_config(config, self.bucket, self._user):
            self._say(note)
        self.environment = client_environment(self.url, self._credentials, config)
        self._server.start()

    def renew(self, state: Path) -> None:
        """Go on with another state folder, at the same address and with the same key; what runs is stopped.

        Raises:
            StateError: the state folder cannot be used.
        """
        home = Home.open(state)
        holder = find_holder(home)
        if holder is not None and holder.serves:
            pid = "" if holder.process is None else f" (process {holder.process.pid})"
            raise StateError(
                f"Could not use the state folder {home.root}: the local SageMaker at {holder.serves}{pid} has it. "
                "Use that one or end it, or name another folder with --state."
            )
        self._behind.close()
        opened = self._behind.enter_context(open_state(home, self._say, self._credentials))
        opened.lock.by_server(self.url)
        resources = Resources(opened.store)
        engine = Engine(home, opened.lock, opened.store, opened.aws, resources, self._say, self._choices)
        # The other way round: what runs is stopped before what it writes to is closed.
        self._behind.callback(opened.aws.save_objects)
        self._behind.callback(engine.close)
        answering = all_operations(engine)
        operations = {**answering.operations, **self._more}
        at_hand = {name: said for name, said in answering.at_hand.items() if name not in self._more}
        answers = Answers(operations, self.switches, engine.tell_bug, at_hand, check=self._check)
        self._state = Behind(opened, engine, answering, answers)
        self.switches.clear()
        self.switches.asked.clear()

    @property
    def bucket(self) -> str:
        """The bucket that is there from the start, called as the SDK's default bucket is."""
        return self.opened.aws.BUCKET

    def session(self) -> Any:
        """A boto3 session all of whose clients ask this server, whatever the environment says."""
        from pipeline.local.state.clients import LoopbackSession

        return LoopbackSession(self.url, self._credentials)

    def client(self, service: str) -> Any:
        """A boto3 client of this server."""
        return self.session().client(service)

    def wait(self, execution_arn: str, seconds: float = 600.0) -> dict[str, Any]:
        """The description of an execution (DescribePipelineExecution) once it has ended.

        Raises:
            FashionError: it has not ended after so many seconds.
        """
        client = self.client("sagemaker")
        until = time.monotonic() + seconds
        while True:
            said: dict[str, Any] = client.describe_pipeline_execution(PipelineExecutionArn=execution_arn)
            if said["PipelineExecutionStatus"] in EXECUTION_ENDS:
                return said
            if time.monotonic() > until:
                raise FashionError(
                    f"{execution_arn} is still {said['PipelineExecutionStatus']} after {seconds:g} s."
                )
            time.sleep(_POLL_SECONDS)

    @property
    def engine(self) -> Engine:
        """What runs the executions, for tests that look behind the answers."""
        return self._now.engine

    @property
    def operations(self) -> set[tuple[str, str]]:
        """Service (botocore's name) and name of every operation that is answered here, not by moto."""
        forms = Identity(self._credentials).operations
        return {("sagemaker-runtime", "InvokeEndpoint"), *self._now.answering.operations, *forms}

    @property
    def endpoints(self) -> Endpoints:
        """The endpoints that it serves, for tests that look behind the answers."""
        return self._now.answering.endpoints

    @property
    def opened(self) -> Opened:
        """The state folder and its local S3, for tests that look behind the answers."""
        return self._now.opened

    def close(self) -> None:
        """Stop what runs, save everything, end the server."""
        self._server.stop()
        with self._folders:
            self._behind.close()

    @property
    def _now(self) -> Behind:
        if self._state is None:
            raise RuntimeError("LocalSageMaker is used before begin()")
        return self._state

    def _answer(self, target: str, body: bytes, make_way: MakeWay) -> bytes:
        return self._now.answers(target, body, make_way)

    def _invoke(self, path: str, environ: dict[str, Any], body: bytes) -> tuple[bytes, list[tuple[str, str]]]:
        try:
            return invoke(self.endpoints, path, environ, body)
        except ServiceError:
            raise
        except Exception as error:
            self.engine.tell_bug(error)
            raise ServiceError(
                "InternalFailure", f"InvokeEndpoint failed within this server: {error!r}"
            ) from error

    def _moto(self) -> str:
        """Where moto is, or will be when somebody asks."""
        return self.opened.aws.endpoint_url


@dataclass(frozen=True)
class Behind:
    """What answers, as long as one state folder is served."""

    opened: Opened
    engine: Engine
    answering: Answering
    answers: Answers
