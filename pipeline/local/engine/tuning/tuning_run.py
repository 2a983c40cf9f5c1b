"""A Tuning step while it runs: its trials, which are steps of the execution, and when there is another.

The scheduler's thread alone asks for trials and tells their ends, so what is proposed depends on the order of these
ends and on nothing else. Lines of trials' logs come from their own threads: what they tell can end a trial.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from pipeline.execution import StepRecord, StepStatus
from pipeline.formatting import plural
from pipeline.local.engine.stop_of_one import StopOfOne
from pipeline.local.engine.tuning.sampler import falls_behind, propose
from pipeline.local.engine.tuning.summaries import best, name_tuning_job, properties_of
from pipeline.local.engine.tuning.trial import ObjectiveLog, Trial
from pipeline.local.jobs.job import now_text, time_text
from pipeline.local.jobs.local_jobs import check_arguments
from pipeline.local.jobs.runner import JobOutcome
from pipeline.shown import first_line
from pipeline.spec.definition import Json, RetryPolicy, Step
from pipeline.spec.tuning import Search, read_search, trial_name, trial_request

# Where a trial's record keeps what is tuned in it, once it is proposed: a search that goes on runs the same.
TUNED: Final = "TunedHyperParameters"
# A search whose first trials all failed is given up: the others would fail alike.
_FAILURES: Final = 5


class KeptSearches(Protocol):
    """What earlier executions and attempts left of a search."""

    def earlier(self, step: Step, arguments: Mapping[str, Json]) -> JobOutcome | None:
        """The result of the same search, if it may be reused."""

    def remember(self, step: Step, arguments: Mapping[str, Json], properties: Mapping[str, Json]) -> None:
        """Keep the result of a search for later executions."""

    def log_of(self, execution_id: str | None, step: str) -> Path:
        """The log of a trial, of this execution (None) or an earlier one."""


class TuningRun:
    """The search of one Tuning step, in the form of a Loop (for_each.py) whose children come one after another."""

    def __init__(
        self,
        step: Step,
        arguments: Mapping[str, Json],
        record: StepRecord,
        *,
        execution_id: str,
        account: str,
        stop: threading.Event,
        say: Callable[[str], None],
        kept: KeptSearches | None = None,
    ) -> None:
        """`account`: the beginning of ARNs, up to the kind of resource; `record` is the step's own.

        Raises:
            StepFailed: the arguments ask for what cannot be searched.
        """
        check_arguments(step, arguments)
        self.step = step
        self.search: Search = read_search(arguments)
        self.arguments = arguments
        self.children: dict[str, Step] = {}
        self.running: set[str] = set()
        self.trials: list[Trial] = []
        self._job_name = name_tuning_job(execution_id, step.name, record.attempts)
        self._account = account
        self._created = now_text()
        self._until = time.monotonic() + (self.search.time_limit or float("inf"))
        self._stop = stop
        self._say = say
        self._kept = kept
        self._over: str | None = None
        # Of trials, while their logs are read.
        self._lock = threading.RLock()

    @property
    def at_once(self) -> int:
        """The most trials that run at once."""
        return min(self.search.at_once, self.search.trials)

    def restore(self, records: Iterable[StepRecord]) -> list[Step]:
        """Take over the trials that the execution had before it was interrupted; returns those that are to run."""
        to_run = []
        for record in sorted(records, key=lambda each: each.name):
            tuned = tuned_in(self.search, record)
            if record.name != trial_name(self.step.name, len(self.trials) + 1) or tuned is None:
                break
            trial = self._add(tuned)
            self._read_log(trial, record.reused_from)
            if record.status == "Pending":
                to_run.append(self.children[trial.name])
                self.running.add(trial.name)
            else:
                self._take_end(trial, record.status, record.properties, record.failure_reason)
        return to_run

    def next(self) -> Step | None:
        """Propose one more trial, if it is time for one."""
        with self._lock:
            if (
                self._over is not None
                or self._stop.is_set()
                or len(self.trials) >= self.search.trials
                or len(self.running) >= self.at_once
            ):
                return None
            place, _ = self.search.family_of(len(self.trials) + 1)
            trial = self._add(propose(self.search, place, self._of_family(place)))
            self.running.add(trial.name)
        self._say(f"{trial.name}: {_written(trial.tuned)}")
        return self.children[trial.name]

    def record_of(self, child: str, known: StepRecord | None) -> StepRecord:
        """The record of a trial that waits to run; `known` is that of its earlier attempts."""
        attempts = 0 if known is None else known.attempts
        tuned = {TUNED: dict(self._trial(child).tuned)}
        return StepRecord(child, "Training", attempts=attempts, part_of=self.step.name, properties=tuned)

    def stop_of(self, child: str) -> threading.Event:
        """What ends that trial."""
        return self._trial(child).stop

    def before(self, child: Step) -> frozenset[str]:
        """What a trial waits for: nothing, since the step itself has waited."""
        return frozenset()

    def admit(self, child: str) -> bool:
        """A trial is proposed when it may start."""
        self.running.add(child)
        return True

    def leave(self, child: str) -> str | None:
        """A trial has ended; see next for the one that follows."""
        self.running.discard(child)
        return None

    def line(self, child: str, line: str) -> None:
        """A line of a trial's log: the search may end it for what that tells."""
        with self._lock:
            trial = self._trial(child)
            if trial.log.feed(line) and trial.cut is None and trial.end is None:
                why = falls_behind(self.search, trial, self._of_family(trial.place))
                if why is not None:
                    trial.end_it(why, self._say)

    def check_time(self) -> None:
        """End the search if it has had its time."""
        if self._over is None and time.monotonic() >= self._until:
            self._finish(f"MaxRuntimeInSeconds={self.search.time_limit:g} have passed")
            with self._lock:
                for trial in self.trials:
                    if trial.end is None and trial.cut is None:
                        trial.end_it("the search has had its time", self._say)

    def ended(
        self, record: StepRecord, job_name: str, outcome: JobOutcome | None, reason: str | None
    ) -> Mapping[str, Json] | None:
        """A trial's job has ended, whose record is still as it ran; returns the properties that it leaves.

        None for one that was stopped with the execution, and will go on.
        """
        with self._lock:
            self.running.discard(record.name)
            trial = self._trial(record.name)
            if outcome is not None:
                if outcome.reused_from is not None:
                    self._read_log(trial, outcome.reused_from)
                self._take_end(trial, "Succeeded", outcome.properties, None)
                return outcome.properties
            if reason is None and trial.cut is None:
                return None
            status: StepStatus = "Stopped" if reason is None else "Failed"
            left = self._describe(trial, record, job_name, status)
            self._take_end(trial, status, left, reason)
            return left

    def end(self, records: Mapping[str, StepRecord], *, stopping: bool) -> Mapping[str, object]:
        """What changes in the step's record now that none of its trials runs any more."""
        status: StepStatus = "Succeeded"
        reason = None
        found = best(self.search, self.trials)
        whole = self._over is not None or len(self.trials) >= self.search.trials
        if stopping and not (whole and all(trial.end for trial in self.trials)):
            status = "Stopped"
        elif found is None:
            status, reason = "Failed", self._failure()
        elif found.value is not None:
            self._say(f"the best of {plural(len(self.trials), 'trial')}: {found.name}, {self._told(found)}")
        properties = self.properties({"Succeeded": "Completed", "Failed": "Failed"}.get(status, "Stopped"))
        if status == "Succeeded" and self._kept is not None:
            self._kept.remember(self.step, self.arguments, properties)
        return {"status": status, "failure_reason": reason, "properties": properties}

    def properties(self, status: str = "InProgress") -> dict[str, Json]:
        """The properties of the step as it is now."""
        with self._lock:
            return properties_of(
                self.search,
                self.trials,
                arguments=self.arguments,
                job_name=self._job_name,
                arn=f"{self._account}:hyper-parameter-tuning-job/{self._job_name}",
                status=status,
                created=self._created,
                ended=None if status == "InProgress" else now_text(),
            )

    def _add(self, tuned: Mapping[str, str]) -> Trial:
        number = len(self.trials) + 1
        place, index = self.search.family_of(number)
        family = self.search.families[place]
        name = trial_name(self.step.name, number)
        trial = Trial(number, name, place, index, tuned, ObjectiveLog(family.regex), StopOfOne(self._stop))
        self.trials.append(trial)
        request = trial_request(family, self.step.name, number, tuned)
        attempts = (request.pop("RetryStrategy", None) or {}).get("MaximumRetryAttempts")
        # API reference, RetryStrategy: after an InternalServerError.
        own = [RetryPolicy(("SageMaker.JOB_INTERNAL_ERROR",), max_attempts=attempts)] if attempts else []
        self.children[name] = Step(
            name,
            "Training",
            request,
            cache=self.step.cache,
            retry_policies=(*own, *self.step.retry_policies),
            json_path=self.step.json_path,
            part_of=self.step.name,
        )
        return trial

    def _trial(self, child: str) -> Trial:
        return self.trials[int(child.rpartition("-")[2]) - 1]

    def _of_family(self, place: int) -> Sequence[Trial]:
        return [trial for trial in self.trials if trial.place == place]

    def _read_log(self, trial: Trial, execution_id: str | None) -> None:
        """What an earlier attempt, or the execution whose result serves, told of the objective."""
        if self._kept is None:
            return
        try:
            with self._kept.log_of(execution_id, trial.name).open(
                encoding="utf-8", errors="replace"
            ) as lines:
                for line in lines:
                    trial.log.feed(line.rstrip("\n"))
        except OSError:
            return  # It never began, or the log was removed: then its end is all that is known.

    def _take_end(
        self, trial: Trial, status: StepStatus, properties: Mapping[str, Json], reason: str | None
    ) -> None:
        trial.end = {"Succeeded": "Completed", "Failed": "Failed"}.get(status, "Stopped")  # type: ignore[assignment]
        trial.properties, trial.failure_reason = properties, reason
        metrics = {each["MetricName"]: each["Value"] for each in properties.get("FinalMetricDataList") or ()}
        trial.value = metrics.get(self.search.metric)
        first = best(self.search, self.trials)
        if trial.end == "Completed":
            note = " (the best so far)" if trial is first else ""
            self._say(f"{trial.name}: {self._told(trial)}{note}")
        self._look_whether_over(trial, first)

    def _look_whether_over(self, trial: Trial, first: Trial | None) -> None:
        ends = [each.end for each in self.trials]
        if ends.count("Failed") >= _FAILURES and not {"Completed", "Stopped"} & set(ends):
            self._finish(f"the first {ends.count('Failed')} trials failed")
        target, patience = self.search.target, self.search.patience
        if first is None or first.value is None:
            return
        if target is not None and not self.search.better(target, first.value):
            self._finish(f"the target {target:g} is reached")
        since = sum(each.end is not None and each.number > first.number for each in self.trials)
        if patience is not None and since >= patience:
            self._finish(f"the last {since} trials brought nothing better")

    def _finish(self, why: str) -> None:
        if self._over is None:
            self._over = why
            self._say(f"no more trials: {why}")

    def _told(self, trial: Trial) -> str:
        if trial.value is None:
            return f"its log has no {self.search.metric}"
        return f"{self.search.metric}={trial.value:g}"

    def _describe(
        self, trial: Trial, record: StepRecord, job_name: str, status: StepStatus
    ) -> dict[str, Json]:
        """The Describe response of a job that failed, or that the search stopped."""
        told = trial.log.values[-1:] if status == "Stopped" else []
        began = self._created if record.started_at is None else time_text(record.started_at)
        return {
            **self.children[trial.name].arguments,
            "TrainingJobName": job_name,
            "TrainingJobArn": f"{self._account}:training-job/{job_name}",
            "TrainingJobStatus": status,
            "SecondaryStatus": status,
            "FinalMetricDataList": [{"MetricName": self.search.metric, "Value": value} for value in told],
            "CreationTime": began,
            "TrainingStartTime": began,
            "TrainingEndTime": now_text(),
        }

    def _failure(self) -> str:
        failed = [trial for trial in self.trials if trial.end == "Failed"]
        count = len(self.trials)
        if failed:
            first = first_line(failed[0].failure_reason or "")
            return (
                f"None of {plural(count, 'trial')} completed with a value of {self.search.metric}: {len(failed)} "
                f"failed. {failed[0].name}: {first}"
            )
        return (
            f"None of {plural(count, 'trial')} completed with a value of {self.search.metric}. Check that the "
            f"Regex of its MetricDefinition fits the trials' logs: python -m pipeline logs ID {self.trials[0].name}"
        )


def tuned_in(search: Search, record: StepRecord) -> dict[str, str] | None:
    """What is tuned in a trial, by its record; None when it was not proposed yet."""
    properties = record.properties
    number = record.name.rpartition("-")[2]
    if TUNED in properties:
        return dict(properties[TUNED])
    hyperparameters = properties.get("HyperParameters")
    if hyperparameters is None or not number.isdecimal():
        return None
    place, _ = search.family_of(int(number))
    names = [each.name for each in search.families[place].ranges]
    return {name: hyperparameters[name] for name in names if name in hyperparameters}


def has_ended(record: StepRecord, search: StepRecord) -> bool:
    """Whether a trial's record stays as it is when the execution goes on whose Tuning step has the record `search`.

    So do those that the search itself stopped, and those that failed, unless the whole search did.
    """
    if record.status == "Stopped":
        return record.properties.get("TrainingJobStatus") == "Stopped"
    return record.status == "Succeeded" or (record.status == "Failed" and search.status != "Failed")


def _written(tuned: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in tuned.items())
