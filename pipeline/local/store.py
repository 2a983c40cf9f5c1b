"""What the local target remembers of its executions, in the state folder's SQLite file."""

from __future__ import annotations

from pipeline.execution import ExecutionRecord
from pipeline.local.home import Home


class Store:
    """Executions, written by one process and readable by others meanwhile. Usable from several threads."""

    def __init__(self, home: Home) -> None:
        raise NotImplementedError

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        raise NotImplementedError

    def save_execution(self, record: ExecutionRecord, definition_text: str) -> None:
        """Write down `record`; only what changed since the last call is written.

        Parameters and properties must be JSON (no datetimes). `definition_text` is kept from the first call.
        """
        raise NotImplementedError

    def load_execution(self, execution_id: str | None = None) -> ExecutionRecord:
        """The execution whose id is or uniquely begins with `execution_id`; None: the newest.

        Raises UsageError when there is none, or more than one.
        """
        raise NotImplementedError

    def definition_text(self, execution_id: str) -> str:
        """The compiled definition that the execution ran; UsageError as for load_execution."""
        raise NotImplementedError

    def executions(self) -> list[ExecutionRecord]:
        """All executions, newest first."""
        raise NotImplementedError
