"""Describes executions that ended, or run, from what the state folder has of them."""

from __future__ import annotations

from pipeline.execution import ExecutionRecord
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.targets.local_outcome import read_outcome
from pipeline.tracking.commit import commit_of_evaluation
from pipeline.tracking.describing import describe_execution
from pipeline.tracking.epochs import epochs_of
from pipeline.tracking.runs import Batch
from pipeline.view.loglines import EpochLine


def batch_of(home: Home, store: Store, record: ExecutionRecord) -> Batch:
    """What there is to publish of an execution of the local target, or of containers."""
    outcome = read_outcome(home, store, record)
    epochs = {
        step.name: read_epochs(home, record, step.name) for step in record.steps if step.type == "Training"
    }
    commit = commit_of_evaluation(outcome.evaluation)
    runs = describe_execution(record, epochs, outcome, commit=commit)
    return Batch(record.pipeline_name, record.execution_id, runs)


def read_epochs(home: Home, record: ExecutionRecord, step: str) -> list[EpochLine]:
    """The epochs that the log of a step tells; none where it has no log."""
    try:
        with home.step_log(record.execution_id, step).open(encoding="utf-8", errors="replace") as lines:
            return epochs_of(lines)
    except OSError:
        return []
