"""Tuning steps: their trials, how many run at once, what they leave, how they fail, stop and go on."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.engine.resume import wait_again
from pipeline.local.engine.tuning import tuning_run
from pipeline.local.jobs.runner import JobOutcome
from pipeline.spec.definition import Dependency, Json, Step
from tests.pipeline.local.engine.test_scheduler import Watcher, define, job, run, statuses
from tests.pipeline.local.engine.tuning.searches import (
    RANGES,
    Trials,
    arguments,
    by_rate,
    definition_of_trials,
    failing,
    tuning,
)


def search(
    jobs: Trials, *, watcher: Watcher | None = None, done: Any = None, **request: Any
) -> ExecutionRecord:
    return run(define(tuning(arguments(**request))), jobs, watcher=watcher, done=done)


def summaries(record: ExecutionRecord) -> list[Mapping[str, Json]]:
    found: list[Mapping[str, Json]] = record.step("Tune").properties["TrainingJobSummaries"]
    return found


def told(watcher: Watcher) -> list[str]:
    """What the search itself said."""
    return [line for step, line in watcher.lines if step == "Tune"]


def test_each_trial_is_a_training_job_listed_after_its_step() -> None:
    trials = Trials()
    record = run(define(job("Before"), tuning(), job("After", "Tune")), trials)
    names = [f"Tune-{number:03d}" for number in range(1, 5)]
    assert list(statuses(record)) == ["Before", "Tune", *names, "After"]
    assert set(statuses(record).values()) == {"Succeeded"}
    assert {step.part_of for step in record.steps if step.type == "Training"} == {"Tune"}
    assert len({call.name for call in trials.calls.values()}) == 4
    request = trials.calls["Tune-002"].arguments
    assert request["HyperParameters"] == {
        "epochs": "9",
        "_tuning_objective_metric": "accuracy",
        **trials.proposed["Tune-002"],
    }
    assert request["OutputDataConfig"] == {"S3OutputPath": "s3://a-bucket/models"}
    assert "StaticHyperParameters" not in request


def test_summaries_are_ordered_by_the_objective_and_the_best_is_named() -> None:
    trials = Trials()
    record = search(trials)
    properties = record.step("Tune").properties
    values = [each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for each in summaries(record)]
    assert values == sorted(values, reverse=True)
    assert properties["BestTrainingJob"] == summaries(record)[0]
    assert summaries(record)[0]["TunedHyperParameters"]["rate"] == str(max(values))
    assert properties["TrainingJobStatusCounters"] == {
        "Completed": 4,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    assert properties["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}
    assert properties["HyperParameterTuningJobStatus"] == "Completed"


def test_the_least_is_the_best_where_that_is_the_objective() -> None:
    record = search(Trials(), objective="Minimize")
    values = [each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for each in summaries(record)]
    assert values == sorted(values)


def test_a_later_step_reads_the_name_of_the_best() -> None:
    trials = Trials()
    reader = job("Use", Name={"Get": "Steps.Tune.BestTrainingJob.TrainingJobName"})
    record = run(define(tuning(), reader), trials)
    assert record.step("Use").status == "Succeeded"


@pytest.mark.parametrize(("at_once", "limit", "most"), [(3, None, 3), (3, 2, 2), (1, None, 1)])
def test_no_more_trials_run_at_once_than_either_limit(at_once: int, limit: int | None, most: int) -> None:
    met = threading.Barrier(most)

    def together(hyperparameters: Mapping[str, str], number: int) -> Iterable[float]:
        met.wait(30)
        yield 0.5

    trials = Trials(together)
    request = arguments(trials=6, at_once=at_once)
    record = run(define(tuning(request)), trials, max_parallel=limit)
    assert (record.status, trials.most_running) == ("Succeeded", most)


def test_the_trials_share_the_cores_of_their_step() -> None:
    trials = Trials()
    run(define(tuning(arguments(at_once=2))), trials, cores=8)
    assert {call.cores for call in trials.calls.values()} == {4}


def test_checkpoints_of_each_trial_have_a_place_of_their_own_that_it_finds_again() -> None:
    places = []
    definition = definition_of_trials(
        CheckpointConfig={"S3Uri": "s3://a-bucket/ck/", "LocalPath": "/opt/ml/c"}
    )
    for _ in range(2):
        trials = Trials()
        search(trials, definition=definition)
        places.append([call.arguments["CheckpointConfig"] for call in trials.calls.values()])
    assert places[0] == places[1]
    assert len({place["S3Uri"] for place in places[0]}) == 4
    assert all(place["S3Uri"].startswith("s3://a-bucket/ck/Tune-00") for place in places[0])
    assert {place["LocalPath"] for place in places[0]} == {"/opt/ml/c"}


def test_a_trial_that_fails_leaves_the_others_running() -> None:
    def second_fails(hyperparameters: Mapping[str, str], number: int) -> Iterable[float]:
        return failing(hyperparameters, number) if number == 2 else by_rate(hyperparameters, number)

    record = search(Trials(second_fails))
    assert statuses(record)["Tune-002"] == "Failed"
    assert (record.status, record.step("Tune").status) == ("Succeeded", "Succeeded")
    last = summaries(record)[-1]
    assert (last["TrainingJobStatus"], last["FailureReason"]) == ("Failed", "no such data")
    assert last["TrainingJobName"].startswith("pipelines-abcdef123456-Tune-002-")
    assert record.step("Tune").properties["TrainingJobStatusCounters"]["NonRetryableError"] == 1


def test_a_search_whose_first_five_trials_fail_is_given_up() -> None:
    trials, watcher = Trials(failing), Watcher()
    record = search(trials, watcher=watcher, trials=9)
    assert len(trials.ran) == 5
    reason = "None of 5 trials completed with a value of accuracy: 5 failed. Tune-001: no such data"
    assert record.step("Tune").failure_reason == reason
    assert (record.status, record.failure_reason) == ("Failed", f"Step Tune failed: {reason}")
    assert "no more trials: the first 5 trials failed" in told(watcher)


def test_trials_that_tell_no_objective_fail_the_step_and_name_the_regex() -> None:
    record = search(Trials(lambda *_: ()), trials=2)
    assert statuses(record)["Tune-001"] == "Succeeded"
    assert "Check that the Regex of its MetricDefinition fits" in (record.step("Tune").failure_reason or "")


def test_a_grid_tries_each_combination_once() -> None:
    ranges = {
        "CategoricalParameterRanges": [
            {"Name": "rate", "Values": ["1", "2"]},
            RANGES["CategoricalParameterRanges"][0],
        ]
    }
    trials = Trials()
    search(trials, strategy="Grid", trials=None, ranges=ranges)
    tried = {(each["rate"], each["size"]) for each in trials.proposed.values()}
    assert len(trials.proposed) == len(tried) == 6


def test_the_same_seed_proposes_the_same_and_another_does_not() -> None:
    found = []
    for seed in (7, 7, 8):
        trials = Trials()
        search(trials, strategy="Bayesian", trials=6, RandomSeed=seed)
        found.append(trials.proposed)
    assert found[0] == found[1] != found[2]


def test_without_a_seed_it_is_nought() -> None:
    found = []
    for seed in ({"RandomSeed": 0}, {}):
        request = arguments()
        del request["HyperParameterTuningJobConfig"]["RandomSeed"]
        request["HyperParameterTuningJobConfig"].update(seed)
        trials = Trials()
        run(define(tuning(request)), trials)
        found.append(trials.proposed)
    assert found[0] == found[1]


ORDER = ["Tune-002", "Tune-001", "Tune-003", "Tune-005", "Tune-004", "Tune-006", "Tune-008", "Tune-007"]


@pytest.mark.parametrize("ended", [1, 3, 6])
def test_a_search_that_goes_on_proposes_what_it_would_have_proposed(ended: int) -> None:
    request = arguments("Bayesian", trials=8, at_once=2)
    definition = define(tuning(request))
    undisturbed = Trials(order=ORDER)
    whole = run(definition, undisturbed)
    assert whole.status == "Succeeded"

    stop = threading.Event()
    first = Trials(order=ORDER[:ended], hold=ORDER[ended:])
    watcher = _StopsAfter(stop, ended)
    cut = run(definition, first, stop=stop, watcher=watcher)
    assert cut.step("Tune").status == "Stopped"
    done = wait_again(definition, cut.steps)
    second = Trials(order=ORDER[ended:])
    record = run(
        definition,
        second,
        done={step.name: step for step in done},
        listed=replace(definition, steps=tuple(Step(step.name, step.type, {}) for step in done)),
    )
    assert record.status == "Succeeded"
    assert set(second.ran).isdisjoint(ORDER[:ended]), "finished trials are kept"
    assert {**first.proposed, **second.proposed} == undisturbed.proposed
    assert [each["TunedHyperParameters"] for each in summaries(record)] == [
        each["TunedHyperParameters"] for each in summaries(whole)
    ]


class _StopsAfter(Watcher):
    """Stops the execution once so many trials have ended well and the next two run."""

    def __init__(self, stop: threading.Event, ended: int) -> None:
        super().__init__()
        self._stop, self._ended = stop, ended

    def execution_changed(self, execution: ExecutionRecord) -> None:
        super().execution_changed(execution)
        trials = [step.status for step in execution.steps if step.part_of]
        if trials.count("Succeeded") == self._ended and trials.count("Executing") == 2:
            self._stop.set()


def rising(hyperparameters: Mapping[str, str], number: int) -> Iterable[float]:
    """Nine values; every trial is worse than the one before."""
    for epoch in range(1, 10):
        yield epoch / 10 - number / 1000


def test_hyperband_stops_trials_that_are_not_among_the_best_of_their_rung() -> None:
    trials, watcher = Trials(rising), Watcher()
    record = search(trials, watcher=watcher, strategy="Hyperband", trials=9)
    ended = statuses(record)
    assert ended["Tune"] == ended["Tune-001"] == "Succeeded"
    stopped = [step for step in record.steps if step.status == "Stopped"]
    assert stopped
    assert all(step.properties["TrainingJobStatus"] == "Stopped" for step in stopped)
    assert any("not among the best third of its rung (Hyperband)" in line for line in told(watcher))
    counters = record.step("Tune").properties["TrainingJobStatusCounters"]
    assert counters["Stopped"] == len(stopped)
    # What completed comes first, whatever the others had reached.
    order = [each["TrainingJobStatus"] for each in summaries(record)]
    assert order == sorted(order, key=["Completed", "Stopped"].index)


def test_hyperband_ends_a_trial_that_goes_on_beyond_its_most() -> None:
    bounds = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 3}}
    record = search(Trials(rising), strategy="Hyperband", trials=1, StrategyConfig=bounds)
    assert statuses(record)["Tune-001"] == "Stopped"
    metric = summaries(record)[0]["FinalHyperParameterTuningJobObjectiveMetric"]
    assert metric["Value"] == pytest.approx(0.399)


def test_early_stopping_ends_a_trial_below_the_median_of_running_averages() -> None:
    trials, watcher = Trials(rising), Watcher()
    record = search(trials, watcher=watcher, trials=5, TrainingJobEarlyStoppingType="Auto")
    # 0.096 is worse than the median of 0.099, 0.098 and 0.097; with fewer than three nothing is compared.
    assert [statuses(record)[f"Tune-{number:03d}"] for number in (1, 2, 3)] == ["Succeeded"] * 3
    assert [statuses(record)[f"Tune-{number:03d}"] for number in (4, 5)] == ["Stopped"] * 2
    assert (
        "Tune-004: stopped, after 1 value its accuracy of 0.096 is worse than 0.098, the median of 3 trials' "
        "running averages (early stopping)" in told(watcher)
    )


def test_a_stopped_trial_stays_stopped_when_the_execution_goes_on() -> None:
    definition = define(
        tuning(arguments(trials=6, TrainingJobEarlyStoppingType="Auto")), job("After", "Tune")
    )
    record = run(definition, Trials(rising))
    late = replace(record.step("Tune"), status="Stopped")
    again = wait_again(definition, [late if step.name == "Tune" else step for step in record.steps])
    assert {step.name: step.status for step in again if step.part_of} == {
        **{f"Tune-{number:03d}": "Succeeded" for number in (1, 2, 3)},
        **{f"Tune-{number:03d}": "Stopped" for number in (4, 5, 6)},
    }


def test_the_search_ends_at_its_target() -> None:
    trials = Trials(lambda _, number: [number / 10])
    criteria = {"TargetObjectiveMetricValue": 0.3}
    record = search(trials, trials=9, TuningJobCompletionCriteria=criteria)
    assert (record.status, len(trials.ran)) == ("Succeeded", 3)


def test_the_search_ends_when_nothing_better_comes() -> None:
    trials = Trials(lambda _, number: [0.9 if number == 2 else 0.1])
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    record = search(trials, trials=9, TuningJobCompletionCriteria=criteria)
    assert (record.status, len(trials.ran)) == ("Succeeded", 5)


def test_the_search_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = 0.0

        @classmethod
        def monotonic(cls) -> float:
            return cls.now

    monkeypatch.setattr(tuning_run, "time", Clock)

    def late(hyperparameters: Mapping[str, str], number: int) -> Iterable[float]:
        if number == 2:
            Clock.now = 200.0
        yield 0.5

    watcher = Watcher()
    request = arguments(trials=9)
    request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxRuntimeInSeconds"] = 120
    record = run(
        define(tuning(request)), Trials(late, hold=["Tune-002"]), watcher=watcher
    )  # fmt: skip
    assert statuses(record) == {"Tune": "Succeeded", "Tune-001": "Succeeded", "Tune-002": "Stopped"}
    assert "no more trials: MaxRuntimeInSeconds=120 have passed" in told(watcher)


def test_several_definitions_take_turns_and_keep_their_own_ranges() -> None:
    def own(name: str, low: str, high: str) -> dict[str, Any]:
        ranges = {"ContinuousParameterRanges": [{"Name": "rate", "MinValue": low, "MaxValue": high}]}
        objective = {"Type": "Maximize", "MetricName": "accuracy"}
        return definition_of_trials(
            DefinitionName=name, HyperParameterRanges=ranges, TuningObjective=objective
        )

    request = arguments(trials=4)
    del request["TrainingJobDefinition"]
    request["TrainingJobDefinitions"] = [own("low", "1", "2"), own("high", "10", "20")]
    del request["HyperParameterTuningJobConfig"]["ParameterRanges"]
    del request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    trials = Trials()
    record = run(define(tuning(request)), trials)
    rates = [float(trials.proposed[f"Tune-{number:03d}"]["rate"]) for number in range(1, 5)]
    assert [rate > 5 for rate in rates] == [False, True, False, True]
    assert {each["TrainingJobDefinitionName"] for each in summaries(record)[:2]} == {"high"}


def test_a_stop_reaches_the_trials_and_proposes_nothing_more() -> None:
    stop = threading.Event()

    def stopping(hyperparameters: Mapping[str, str], number: int) -> Iterable[float]:
        yield 0.1
        if number == 2:
            stop.set()

    trials = Trials(stopping)
    record = run(define(tuning(arguments(trials=9)), job("After", "Tune")), trials, stop=stop)
    assert statuses(record) == {
        "Tune": "Stopped",
        "Tune-001": "Succeeded",
        "Tune-002": "Stopped",
        "After": "Pending",
    }
    assert record.status == "Stopped"


def test_a_failed_search_is_tried_anew_by_a_resume() -> None:
    definition = define(tuning())
    failed = run(definition, Trials(failing))
    again = wait_again(definition, failed.steps)
    assert {step.status for step in again} == {"Pending"}
    trials = Trials()
    record = run(
        definition,
        trials,
        done={step.name: step for step in again},
        listed=replace(definition, steps=tuple(Step(step.name, step.type, {}) for step in again)),
    )
    assert record.status == "Succeeded"
    assert sorted(trials.ran) == [f"Tune-{number:03d}" for number in range(1, 5)]
    # The names of jobs count on.
    assert all(step.attempts == 2 for step in record.steps)


def test_an_equal_search_is_reused_and_none_of_its_trials_runs() -> None:
    class Kept:
        def __init__(self) -> None:
            self.results: list[Mapping[str, Json]] = []

        def earlier(self, step: Step, arguments: Mapping[str, Json]) -> JobOutcome | None:
            return JobOutcome(self.results[0], reused_from="earlier00000") if self.results else None

        def remember(self, step: Step, arguments: Mapping[str, Json], properties: Mapping[str, Json]) -> None:
            self.results.append(properties)

        def log_of(self, execution_id: str | None, step: str) -> Path:
            return Path("no-such-log")

    kept, trials = Kept(), Trials()
    for expected in (4, 4):
        record = run(define(tuning()), trials, kept=kept)
        assert len(trials.ran) == expected
    assert (record.step("Tune").cached, record.step("Tune").reused_from) == (True, "earlier00000")
    assert list(statuses(record)) == ["Tune"]
    assert record.step("Tune").properties == kept.results[0]


def test_a_step_that_runs_on_a_failed_search_runs() -> None:
    definition = define(tuning(), job("Tell", Dependency("Tune", "Failed")))
    record = run(definition, Trials(failing))
    assert record.status == "CompletedWithFailures"
    assert record.step("Tell") == replace(record.step("Tell"), status="Succeeded")


def test_the_records_of_trials_can_be_told_from_a_loops() -> None:
    trial = StepRecord("Tune-001", "Training", "Stopped", part_of="Tune")
    assert not tuning_run.has_ended(trial, StepRecord("Tune", "Tuning", "Stopped"))
