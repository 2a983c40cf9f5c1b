"""What a monitor's execution left in the state folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.definition.settings import MONITOR
from pipeline.errors import StateError
from pipeline.execution import ExecutionRecord
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.monitoring.outcome import FILES, OUTPUT, read_drift
from pipeline.targets.local_outcome import output_uri


def read_monitored(home: Home, store: Store, record: ExecutionRecord) -> tuple[dict[str, Any], Path] | None:
    """What the job found, and the report, which is copied to the execution's folder; None: it did not come to that.

    Raises:
        StateError: what it left cannot be read.
    """
    uri = output_uri(record, OUTPUT)
    if record.pipeline_name != MONITOR or uri is None:
        return None
    objects = Objects(home, store)
    stored = {each.uri.removeprefix(f"{uri}/"): each for each in objects.under(f"{uri}/")}
    damage = [name for name in FILES if name not in stored or objects.damage(stored[name]) is not None]
    if damage:
        raise StateError(f"{uri}/{damage[0]} is missing or damaged. Run the monitor again.")
    drift = read_drift(objects.path(stored["drift.json"]).read_bytes(), uri)
    report = home.execution(record.execution_id) / "report.html"
    report.write_bytes(objects.path(stored["report.html"]).read_bytes())
    return drift, report
