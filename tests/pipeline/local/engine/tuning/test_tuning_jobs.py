"""Searches whose trials are real training jobs: their models, logs, cache, checkpoints, signals and resumption."""

from __future__ import annotations

import io
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord
from pipeline.local.engine.explain import explain
from pipeline.local.engine.start import resume_execution, start_execution
from pipeline.local.jobs.stand_in import parse_stand_in
from pipeline.local.state.store import Store
from tests.pipeline.local.engine.test_start import Watcher, document, get, join, statuses, step
from tests.pipeline.local.engine.tuning.searches import arguments, definition_of_trials
from tests.pipeline.local.workbench import QUICK, Workbench

# Counts epochs from where its checkpoint says; SIGTERM saves and ends it. The model is the rate.
TRAIN = """
import json, os, pathlib, signal, sys, time
settings = json.loads(pathlib.Path(os.environ["SM_INPUT_CONFIG_DIR"], "hyperparameters.json").read_text())
state = pathlib.Path(os.environ["SM_CHECKPOINT_DIR"], "epoch")
begun = int(state.read_text()) if state.exists() else 0
def end(number, frame):
    print("saved", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("from", begun, flush=True)
for epoch in range(begun + 1, int(settings["epochs"]) + 1):
    state.write_text(str(epoch))
    print(f"epoch={epoch} accuracy={epoch / 100 - float(settings['rate']) / 1000:.6f}", flush=True)
    time.sleep(float(settings["pause"]))
pathlib.Path(os.environ["SM_MODEL_DIR"], "rate").write_text(settings["rate"])
"""


class Searches:
    """Runs a search in an execution, again and again, under a name of its own."""

    def __init__(self, bench: Workbench, store: Store, folder: Path) -> None:
        self.bench, self.store = bench, store
        (folder / "train.py").write_text(TRAIN)
        self._stand_in = parse_stand_in("Tune=python3 train.py", folder)

    def start(
        self,
        *,
        epochs: int = 2,
        pause: float = 0.0,
        watcher: Watcher | None = None,
        stop: threading.Event | None = None,
        seed: int = 7,
        **request: Any,
    ) -> ExecutionRecord:
        definition = definition_of_trials(
            StaticHyperParameters={"epochs": str(epochs), "pause": str(pause)},
            OutputDataConfig={"S3OutputPath": self.bench.uri("models")},
            CheckpointConfig={"S3Uri": self.bench.uri("checkpoints"), "LocalPath": "/opt/ml/checkpoints"},
        )
        tune = step("Tune", "Tuning", arguments(definition=definition, RandomSeed=seed, **request))
        best = get("Steps.Tune.TrainingJobSummaries[0].TrainingJobName")
        use = self.bench.training(
            "import os; print('found', *os.listdir(os.environ['SM_CHANNEL_MODEL']))",
            channels={"model": join(self.bench.uri("models"), best, "output/model.tar.gz")},  # type: ignore[dict-item]
        )
        text = document({**tune, "CacheConfig": {"Enabled": True}}, step("Use", "Training", use))
        return start_execution(
            text,
            {},
            home=self.bench.home,
            aws=self.bench.aws,
            store=self.store,
            observer=watcher or Watcher(),
            stop=stop or threading.Event(),
            pipeline_name=f"tuning-{self.bench.execution_id}",
            graces=QUICK,
            stand_ins=[self._stand_in],
        )

    def resume(self, record: ExecutionRecord) -> ExecutionRecord:
        return resume_execution(
            record.execution_id,
            home=self.bench.home,
            aws=self.bench.aws,
            store=self.store,
            observer=Watcher(),
            stop=threading.Event(),
            graces=QUICK,
        )

    def log(self, record: ExecutionRecord, name: str) -> str:
        return self.bench.home.step_log(record.execution_id, name).read_text()


@pytest.fixture
def searches(bench: Workbench, local_store: Store, tmp_path: Path) -> Searches:
    return Searches(bench, local_store, tmp_path)


def model(bench: Workbench, uri: str) -> str:
    with tarfile.open(fileobj=io.BytesIO(bench.get(uri))) as archive:
        member = archive.extractfile("rate")
        assert member is not None
        return member.read().decode()


def test_trials_are_jobs_and_a_later_step_gets_the_model_of_the_best(searches: Searches) -> None:
    record = searches.start(trials=3, at_once=2)
    assert record.status == "Succeeded", record.failure_reason
    best = record.step("Tune").properties["BestTrainingJob"]
    uri = f"{searches.bench.uri('models')}/{best['TrainingJobName']}/output/model.tar.gz"
    assert model(searches.bench, uri) == best["TunedHyperParameters"]["rate"]
    assert "found model.tar.gz" in searches.log(record, "Use")
    for number in (1, 2, 3):
        log = searches.log(record, f"Tune-{number:03d}")
        assert log.count("accuracy=") == 2
        assert "train.py` in its place" in log
    said = searches.log(record, "Tune")
    assert "[local] Tune-001: rate=" in said
    assert f"[local] the best of 3 trials: {record.step('Tune-001').name[:5]}" in said


def test_an_equal_search_is_reused_and_a_longer_one_takes_over_its_trials(searches: Searches) -> None:
    first = searches.start(trials=2)
    again = searches.start(trials=2)
    assert (again.step("Tune").cached, again.step("Tune").reused_from) == (True, first.execution_id)
    assert list(statuses(again)) == ["Tune", "Use"]
    assert again.step("Use").status == "Succeeded"
    longer = searches.start(trials=3)
    reused = {step.name: step.reused_from for step in longer.steps if step.part_of}
    assert reused == {"Tune-001": first.execution_id, "Tune-002": first.execution_id, "Tune-003": None}
    other = searches.start(trials=3, seed=8)
    assert not any(step.cached for step in other.steps)
    explained = explain(searches.bench.home, searches.store, other, "Tune")
    assert [change.member for change in explained.changes] == ["HyperParameterTuningJobConfig.RandomSeed"]


def test_a_lost_model_of_a_trial_runs_the_search_again(searches: Searches) -> None:
    first = searches.start(trials=2)
    best = first.step("Tune").properties["BestTrainingJob"]["TrainingJobName"]
    key = f"tests/{searches.bench.execution_id}/models/{best}/output/model.tar.gz"
    stored = searches.bench.aws.objects.find(searches.bench.aws.BUCKET, key)
    assert stored is not None
    searches.bench.aws.delete_objects([stored])
    again = searches.start(trials=2)
    assert not again.step("Tune").cached
    assert sorted(step.cached for step in again.steps if step.part_of) == [False, True]


def test_a_trial_that_falls_behind_gets_sigterm_and_may_save(searches: Searches) -> None:
    record = searches.start(
        trials=5, epochs=40, pause=0.05, strategy="Hyperband", objective="Minimize",
        StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 10, "MaxResource": 40}},
        ranges={"ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0.001", "MaxValue": "1"}]},
    )  # fmt: skip
    stopped = [step for step in record.steps if step.status == "Stopped"]
    assert stopped
    assert record.step("Tune").status == "Succeeded"
    for each in stopped:
        assert "saved" in searches.log(record, each.name)
        assert each.properties["TrainingJobStatus"] == "Stopped"


def test_a_stopped_search_goes_on_with_its_finished_trials_and_their_checkpoints(searches: Searches) -> None:
    stop = threading.Event()

    class StopInTheThird(Watcher):
        def log_line(self, step: str, line: str) -> None:
            super().log_line(step, line)
            if step == "Tune-003" and line.startswith("epoch=3 "):
                stop.set()

    settings: dict[str, Any] = {"trials": 5, "epochs": 6, "strategy": "Bayesian"}
    stopped = searches.start(pause=0.2, watcher=StopInTheThird(), stop=stop, **settings)
    assert statuses(stopped) == {
        "Tune": "Stopped",
        "Tune-001": "Succeeded",
        "Tune-002": "Succeeded",
        "Tune-003": "Stopped",
        "Use": "Pending",
    }
    record = searches.resume(stopped)
    assert record.status == "Succeeded", record.failure_reason
    assert record.step("Tune-001") == stopped.step("Tune-001")
    begun, gone_on = (
        line for line in searches.log(record, "Tune-003").splitlines() if line.startswith("from ")
    )
    assert (begun, int(gone_on.split()[1]) >= 3) == ("from 0", True)

    def tuned(record: ExecutionRecord) -> list[Any]:
        return [
            each["TunedHyperParameters"] for each in record.step("Tune").properties["TrainingJobSummaries"]
        ]

    # Its static pause is another, so nothing of it is reused; the proposals are the same.
    undisturbed = searches.start(pause=0.0, **settings)
    assert tuned(record) == tuned(undisturbed)
