"""What an execution left, for the tests of other projects (testing.py). Reads the state folder when it is asked."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import FashionError, UsageError
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.engine.explain import Explanation, explain
from pipeline.local.state.objects import Objects, StoredObject, split_uri
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.shown import listed

_LOG_LINES = 20


class DefinitionRun:
    """An execution that has ended: its record, and everything that its steps left.

    Files are copies, in a temporary folder that goes with this object: whoever changes them changes nothing else.
    """

    def __init__(self, home: Home, record: ExecutionRecord) -> None:
        self.record = record
        self._home = home
        self._folder = Path(tempfile.mkdtemp(prefix="definition-run-"))
        self._copies = 0
        # Not TemporaryDirectory, which warns when it is left to the garbage collector.
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    @property
    def status(self) -> str:
        """The execution's status: `Succeeded`, `Failed`, …."""
        return self.record.status

    @property
    def failure_reason(self) -> str | None:
        """Why the execution failed; None when it did not."""
        return self.record.failure_reason

    @property
    def statuses(self) -> dict[str, str]:
        """The status of each step by its name."""
        return {step.name: step.status for step in self.record.steps}

    def check(self) -> DefinitionRun:
        """This object, if the execution succeeded.

        Raises:
            FashionError: it did not; the message has each failed step's reason and the end of its log.
        """
        if self.status == "Succeeded":
            return self
        failed = [step for step in self.record.steps if step.status == "Failed"]
        told = [f"{step.name} failed: {step.failure_reason}" for step in failed]
        ends = ["\n".join(["The end of its log:", *self._tail(step.name)]) for step in failed]
        parts = [text for pair in zip(told, ends, strict=True) for text in pair]
        reason = "\n".join(parts) or self.failure_reason or "no step says why"
        raise FashionError(f"Execution {self.record.execution_id} ended as {self.status}. {reason}")

    def step(self, name: str) -> StepRecord:
        """The record of a step. Raises UsageError when there is none of that name."""
        return self.record.step(name)

    def properties(self, step: str) -> Mapping[str, Any]:
        """What `Steps.<step>.…` of the definition sees: the Describe response of its job."""
        return self.step(step).properties

    def log(self, step: str) -> str:
        """The log of the step's job; "" when it had none."""
        self.step(step)
        file = self._home.step_log(self.record.execution_id, step)
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

    def explain(self, step: str) -> Explanation:
        """Why the step ran or was reused; see explain.py."""
        with Store(self._home) as store:
            return explain(self._home, store, self.record, step)

    def files(self, step: str, output: str) -> dict[str, Path]:
        """The files of a step's output, by their paths within it: of a processing job the output of that name, of a
        transform job `output`, of a training job `model` and `data`, unpacked.

        Raises:
            UsageError: the step has no such output, or did not succeed.
        """
        uris = output_uris(self.properties(step))
        if output not in uris:
            raise UsageError(
                f"Step {step} of execution {self.record.execution_id} ({self.step(step).status}) has no output "
                f"{output!r}. It has {listed(uris)}."
            )
        uri = uris[output]
        if not uri.endswith(".tar.gz"):
            return self.download(f"{uri.rstrip('/')}/")
        folder = self._new_folder()
        for archive in self.download(uri).values():
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
        return {path.relative_to(folder).as_posix(): path for path in _files_below(folder)}

    def uris(self, prefix: str) -> list[str]:
        """The s3:// URIs of all objects in the local S3 that begin with `prefix`."""
        with self._objects() as objects:
            return [stored.uri for stored in objects.under(prefix)]

    def read(self, uri: str) -> bytes:
        """The object at an s3:// URI. Raises UsageError when there is none."""
        bucket, key = split_uri(uri)
        with self._objects() as objects:
            stored = objects.find(bucket, key)
            if stored is None:
                raise UsageError(f"There is no object {uri} in the local S3.")
            return self._sound(objects, stored).read_bytes()

    def download(self, prefix: str) -> dict[str, Path]:
        """Copies of all objects that begin with `prefix`, by what follows its last slash."""
        folder = self._new_folder()
        _, start = split_uri(prefix)
        cut = start.rfind("/") + 1
        found = {}
        with self._objects() as objects:
            for stored in objects.under(prefix):
                name = stored.key[cut:]
                if not name or name.endswith("/"):  # what consoles make for an empty folder
                    continue
                path = folder / name
                if ".." in path.parts or name.startswith("/"):
                    raise UsageError(f"The key of {stored.uri} can be no file here. Read it with read().")
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._sound(objects, stored), path)
                found[name] = path
        return found

    def _tail(self, step: str) -> list[str]:
        return [f"  {line}" for line in self.log(step).splitlines()[-_LOG_LINES:]]

    def _new_folder(self) -> Path:
        self._copies += 1
        folder = self._folder / str(self._copies)
        folder.mkdir()
        return folder

    @contextmanager
    def _objects(self) -> Iterator[Objects]:
        with Store(self._home) as store:
            yield Objects(self._home, store)

    def _sound(self, objects: Objects, stored: StoredObject) -> Path:
        if damage := objects.damage(stored):
            raise FashionError(f"{stored.uri} cannot be read: {damage}.")
        return objects.path(stored)


def output_uris(properties: Mapping[str, Any]) -> dict[str, str]:
    """Where a job's outputs are in S3, by name, as its Describe response says."""
    outputs = (properties.get("ProcessingOutputConfig") or {}).get("Outputs") or ()
    uris = {output["OutputName"]: output["S3Output"]["S3Uri"] for output in outputs}
    artifacts = (properties.get("ModelArtifacts") or {}).get("S3ModelArtifacts")
    if artifacts:
        folder, _, name = str(artifacts).rstrip("/").rpartition("/")
        uris |= {
            "model": artifacts,
            "data": f"{folder}/{'output.tar.gz' if name.endswith('.gz') else 'data'}",
        }
    transformed = (properties.get("TransformOutput") or {}).get("S3OutputPath")
    if transformed:
        uris["output"] = transformed
    return uris


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
