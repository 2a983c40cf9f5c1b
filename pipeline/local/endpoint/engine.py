"""Runs executions for the server, each in a thread of its own, and remembers them by id."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import FashionError, StateError
from pipeline.execution import ExecutionRecord
from pipeline.local.endpoint.execution import Execution, Tell
from pipeline.local.endpoint.wire import VALIDATION, ServiceError
from pipeline.local.engine.cores import available_cores
from pipeline.local.engine.start import resume_execution, start_execution
from pipeline.local.jobs.core_pool import CorePool
from pipeline.local.jobs.functions.handler import Handler
from pipeline.local.jobs.interpreter import Interpreter
from pipeline.local.jobs.job import GRACES, Graces
from pipeline.local.jobs.launchers.choice import Wanted
from pipeline.local.jobs.stand_in import StandIn
from pipeline.local.state.ending import as_it_is
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.lock import Held
from pipeline.local.state.resources import Resources
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

EXECUTION = "execution"


@dataclass(frozen=True)
class Choices:
    """How jobs run: the arguments of start_execution with these names, and the cores."""

    launcher: Wanted = "auto"
    graces: Graces = GRACES
    stand_ins: Sequence[StandIn] = ()
    python: Interpreter | None = None
    handlers: Sequence[Handler] = ()
    # That the jobs of all executions share; None: those of this process.
    cores: int | None = None


DEFAULT = Choices()


class Engine:
    """The executions that this server, and those before it on the state folder, were asked for."""

    def __init__(
        self,
        home: Home,
        lock: Held,
        store: Store,
        aws: LocalAws,
        resources: Resources,
        say: Callable[[str], None],
        choices: Choices = DEFAULT,
    ) -> None:
        """`say` is told, once, why jobs are not started in the best way, and of bugs."""
        self.home, self.store, self.aws, self.resources = home, store, aws, resources
        self._held = lock
        self._say = say
        self._said: set[str] = set()
        self._choices = choices
        self._pool = CorePool(choices.cores or available_cores())
        self._lock = threading.Lock()
        self._closing = False
        self._all_loaded = False
        self._endings: list[Callable[[], None]] = []
        # Is told of changes of executions; see Execution.tell.
        self.tell: Tell = lambda *change: None
        self._executions: dict[str, Execution] = {}
        for execution_id, asked in resources.all(EXECUTION).items():
            self._executions[execution_id] = Execution(asked["key"], asked, tell=self._tell)
        self._forget_what_never_began()

    def all(self) -> list[Execution]:
        """The executions that have begun, oldest first."""
        with self._lock:
            found = list(self._executions.values())
            if not self._all_loaded:
                # One by one, each would be looked for among all.
                for record in self.store.executions():
                    known = self._executions.get(record.execution_id)
                    if known is not None and known.record is None and not known.is_running:
                        _take(known, as_it_is(record, None))
                self._all_loaded = True
        return [each for each in found if each.record is not None]

    def find(self, execution_id: str) -> Execution | None:
        """The execution with this id, None when there is none that has begun."""
        execution = self._executions.get(execution_id)
        return None if execution is None or self._load(execution) is None else execution

    def is_at_hand(self, execution_id: str) -> bool:
        """Whether `find` need not read the state folder."""
        execution = self._executions.get(execution_id)
        return execution is None or execution.record is not None

    def start(
        self,
        execution_id: str,
        key: str,
        asked: dict[str, Any],
        definition: str,
        parameters: Mapping[str, object],
        *,
        pipeline_name: str,
        also: Sequence[tuple[str, str, dict[str, Any]]] = (),
        **options: Any,
    ) -> Execution:
        """Start an execution and return it when it has begun: from then on it is there whatever happens.

        Args:
            asked: what to remember of the request, a JSON object.
            also: more resources to write in the same moment.
            options: more arguments of start_execution.

        Raises:
            ServiceError: it cannot be run; nothing of it is left.
        """
        asked = {**asked, "key": key, "id": execution_id}
        execution = Execution(key, asked, definition=definition, tell=self._tell)
        with self._lock:
            if self._closing:
                raise ServiceError("ServiceUnavailable", "This server is about to end.")
            # Before the engine writes the first word of it: a token that was answered is never used twice.
            self.resources.put((EXECUTION, execution_id, asked), *also)
            self._executions[execution_id] = execution
        choices = self._choices
        execution.run(
            lambda: start_execution(
                definition,
                parameters,
                home=self.home,
                aws=self.aws,
                store=self.store,
                observer=execution,
                stop=execution.stop,
                stop_of=execution.stop_of,
                pool=self._pool,
                pipeline_name=pipeline_name,
                lock=self._held,
                execution_id=execution_id,
                graces=choices.graces,
                launcher=choices.launcher,
                stand_ins=choices.stand_ins,
                python=choices.python,
                handlers=choices.handlers,
                explain=self._explain,
                **options,
            ),
            self.tell_bug,
        )
        if execution.record is None:
            self._forget(execution_id)
            raise refusal(execution.failure)
        return execution

    def resume(self, execution: Execution, max_parallel: int | None = None) -> None:
        """Let an execution that has ended go on. Raises ServiceError when it cannot."""
        with self._lock:
            if self._closing:
                raise ServiceError("ServiceUnavailable", "This server is about to end.")
        execution.run(
            lambda: resume_execution(
                execution.known.execution_id,
                home=self.home,
                aws=self.aws,
                store=self.store,
                observer=execution,
                stop=execution.stop,
                stop_of=execution.stop_of,
                pool=self._pool,
                lock=self._held,
                graces=self._choices.graces,
                launcher=self._choices.launcher,
                explain=self._explain,
                max_parallel=max_parallel,
            ),
            self.tell_bug,
        )
        if execution.failure is not None and not execution.is_running and execution.known.ended:
            raise refusal(execution.failure)

    def change(self, execution: Execution, **changes: Any) -> None:
        """Remember something else of how it was asked for."""
        with self._lock:
            asked = {**execution.asked, **changes}
            self.resources.put((EXECUTION, asked["id"], asked))
            execution.asked = asked

    def forget(self, executions: Sequence[Execution]) -> None:
        """Let executions be unknown from now on; what they left in the state folder stays."""
        ids = [each.asked["id"] for each in executions]
        with self._lock:
            self.resources.delete(*((EXECUTION, each) for each in ids))
            for each in ids:
                self._executions.pop(each, None)

    @property
    def lock_descriptor(self) -> int:
        """Of the state folder's lock, for processes that are to hold it too."""
        return self._held.descriptor

    def before_end(self, end: Callable[[], None]) -> None:
        """Have `end` called when this closes and its executions have ended."""
        self._endings.append(end)

    def close(self) -> None:
        """Stop what runs, and wait until it has ended. Nothing can be started any more."""
        with self._lock:
            self._closing = True
        self.stop_all()
        for end in self._endings:
            end()

    def stop_all(self) -> None:
        """Stop what runs, and wait until it has ended."""
        with self._lock:
            running = [each for each in self._executions.values() if each.is_running]
        for execution in running:
            execution.ask_to_stop()
        for execution in running:
            assert execution.thread is not None
            execution.thread.join()

    def _load(self, execution: Execution) -> ExecutionRecord | None:
        """Its record, read if need be; None when it never began, or cannot be read."""
        if execution.record is None and not execution.is_running:
            try:
                record = as_it_is(self.store.load_execution(execution.asked["id"]), None)
            except FashionError:
                return None
            _take(execution, record)
        return execution.record

    def definition(self, execution: Execution) -> str:
        """The definition that it runs."""
        if execution.definition is None:
            execution.definition = self.store.definition_text(execution.asked["id"])
        return execution.definition

    def _forget_what_never_began(self) -> None:
        """A server that was killed may have written of an execution that it had not started."""
        begun = {str(row[0]) for row in self.store.database.rows("SELECT id FROM executions")}
        self.forget([each for name, each in self._executions.items() if name not in begun])

    def _forget(self, execution_id: str) -> None:
        self.forget([self._executions[execution_id]])

    def _tell(self, execution: Execution, *change: Any) -> None:
        try:
            self.tell(execution, *change)
        except Exception as error:
            # What listens must not end what runs.
            self.tell_bug(error)

    def _explain(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._say(line)

    def tell_user(self, line: str) -> None:
        """Say something that no answer tells."""
        self._say(line)

    def tell_bug(self, error: BaseException) -> None:
        """Show the traceback of what is no error of ours."""
        import traceback

        self._say("".join(traceback.format_exception(error)).rstrip())


def _take(execution: Execution, record: ExecutionRecord) -> None:
    execution.record = record
    execution.changed_at = record.ended_at or record.started_at


def refusal(failure: BaseException | None) -> ServiceError:
    """The service's answer when the engine did not take an execution."""
    if isinstance(failure, StateError) or not isinstance(failure, FashionError):
        return ServiceError("InternalFailure", f"The local engine failed: {failure}")
    return ServiceError(VALIDATION, str(failure))
