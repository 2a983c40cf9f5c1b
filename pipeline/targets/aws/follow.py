"""Follows an execution to its end: asks SageMaker and CloudWatch again and again, and tells an observer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipeline.execution import STEP_ENDS, Observer
from pipeline.targets.aws.aws_errors import AWS_ERRORS, explain, is_forbidden, is_passing
from pipeline.targets.aws.executions import Executions
from pipeline.targets.aws.joblogs import JobLog
from pipeline.targets.aws.records import AwsExecution, id_of

POLL_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 60.0
# How long AWS may be out of reach before following ends; the execution goes on either way.
PATIENCE_SECONDS = 900.0
# Of 50,000 lines or 5 MB each; what a job has logged beyond that is for `logs`.
_LOOKS_AT_THE_END = 20


@dataclass
class Follower:
    """Follows executions. `say` tells of trouble; `sleep` and `clock` are time's."""

    executions: Executions
    logs: Any
    say: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _streams: dict[str, JobLog] = field(default_factory=dict)
    _drained: set[str] = field(default_factory=set)
    _blind: bool = False

    def follow(self, arn: str, observer: Observer) -> AwsExecution:
        """Tells `observer` of every change and of what the jobs log; returns the execution once it has ended.

        When AWS is busy or out of reach this waits longer and goes on.

        Raises:
            CredentialsError: the credentials ran out; the execution goes on.
            AwsError: AWS was out of reach for long, or refuses; the execution goes on.
        """
        before = None
        while True:
            execution = self.patiently(
                lambda: self.executions.read_raw(arn), f"Following execution {id_of(arn)}"
            )
            if execution.record != before:
                before = execution.record
                observer.execution_changed(execution.record)
            self._tell_logs(execution, observer)
            if execution.ended:
                return execution
            self.sleep(POLL_SECONDS)

    def patiently(self, read: Callable[[], AwsExecution], doing: str) -> AwsExecution:
        """What `read` returns, tried again with longer and longer waits while AWS is busy or out of reach."""
        wait, since = POLL_SECONDS, self.clock()
        while True:
            try:
                return read()
            except AWS_ERRORS as error:
                if not is_passing(error) or self.clock() - since > PATIENCE_SECONDS:
                    failure = explain(error, doing)
                    goes_on = " The execution itself continues in AWS."
                    raise type(failure)(f"{failure}{goes_on}") from error
                self.say(
                    f"AWS does not answer ({error}); trying again in {wait:.0f} s. The execution continues."
                )
            self.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)

    def _tell_logs(self, execution: AwsExecution, observer: Observer) -> None:
        """Hands on what jobs have logged since the last time; a job's log is read once more after its end."""
        for step in execution.record.steps:
            job = execution.jobs.get(step.name)
            if job is None or not job.own or self._blind or job.arn in self._drained:
                continue
            log = self._streams.setdefault(job.arn, JobLog(self.logs, job))
            has_ended = step.status in STEP_ENDS
            try:
                # The rest of a job that has ended is read at once: this may be the last look.
                for _ in range(_LOOKS_AT_THE_END if has_ended else 1):
                    for line in log.new_lines():
                        observer.log_line(step.name, line)
                    if log.caught_up:
                        break
            except AWS_ERRORS as error:
                if is_forbidden(error):
                    self._blind = True
                    self.say("The jobs' logs cannot be read with these credentials: no progress is shown.")
                continue  # Progress can wait: what it would have said comes with the next look.
            if has_ended:
                self._drained.add(job.arn)
