"""Runs compiled pipeline definitions in the tests of any project, without AWS or Docker, by a call.

    result = run_definition(pipeline.definition(), parameters={"Rows": 10}, uploads={"s3://bucket/raw": "data"})
    assert result.status == "Succeeded"
    assert result.files("Clean", "table")["rows.csv"].read_text() == "1,2\\n"

`run_definition` is one run with a local S3 of its own. `local_pipeline` keeps one S3 and one state folder for
several: it starts once, unchanged steps can be reused, and the SDK can upload code to it. The pytest fixture of
that name is in pytest_plugin.py.

Nothing here reads or writes the user's AWS settings: while the engine works, the variables of this process lead
every AWS client to nothing, and afterwards they are what they were.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.execution import ExecutionRecord
from pipeline.local.definition_run import DefinitionRun
from pipeline.local.engine.start import start_execution
from pipeline.local.jobs.launchers.choice import Wanted
from pipeline.local.jobs.uploads import Upload, parse_upload, put_files
from pipeline.local.opened import Opened, open_state
from pipeline.local.state.isolation import isolate
from pipeline.local.state.objects import split_uri
from pipeline.local.state.state_dir import Home
from pipeline.local.testing_options import engine_options
from pipeline.spec.bucket_name import bucket_problem
from pipeline.spec.definition_file import read_definition_file

Definition = str | Mapping[str, Any] | Path
Uploads = Mapping[str, "str | bytes | Path"]

_PIPELINE_NAME = "definition"


def run_definition(
    definition: Definition,
    *,
    parameters: Mapping[str, object] | None = None,
    uploads: Uploads | None = None,
    state: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    containers: bool = False,
    **options: Any,
) -> DefinitionRun:
    """Execute a compiled definition to its end; an execution that fails is a result too (see `check`).

    Args:
        definition: its JSON, as text or as the object that it is of; or the path of a file of it.
        parameters: values of pipeline parameters by name; the others have their defaults.
        uploads: what is to be in the local S3 before: by s3:// URI the content of an object (bytes), or the path of
            a file or folder. The URI of a folder is that of the prefix; one that ends in / keeps a file's name.
        state: the state folder; None: a new temporary one, which goes with the result.
        say: is told what a command would print beside its result.
        containers: whether jobs run in containers of their images, by Docker or podman; `images` among the options
            are those that stand for others (launchers/containers/images.py).
        options: as for LocalPipeline.run.

    Raises:
        UsageError: the definition, a parameter or an upload is wrong, or an input is missing: nothing has run.
        StateError: the state folder cannot be used.
    """
    temporary = None
    if state is None:
        temporary = state = Path(tempfile.mkdtemp(prefix="definition-state-"))
    try:
        with local_pipeline(state, say=say, containers=containers) as pipeline:
            result = pipeline.run(definition, parameters=parameters, uploads=uploads, **options)
    except BaseException:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        raise
    if temporary is not None:
        weakref.finalize(result, shutil.rmtree, temporary, ignore_errors=True)
    return result


@contextmanager
def local_pipeline(
    state: str | Path, say: Callable[[str], None] = lambda line: None, *, containers: bool = False
) -> Iterator[LocalPipeline]:
    """A LocalPipeline in the state folder `state`, which is made if need be, while the block lasts.

    `containers`: its jobs run in containers of their images.

    One at a time has a state folder: this waits while a command or another process holds it.

    Raises:
        StateError: the state folder cannot be used.
        UsageError: there is no engine for containers.
    """
    with _isolated():
        opening = open_state(Home.open(Path(state)), say, containers=containers)
        opened = opening.__enter__()
    try:
        yield LocalPipeline(opened, say, "container" if containers else "auto")
    finally:
        with _isolated():
            opening.__exit__(None, None, None)


class LocalPipeline:
    """A local S3 and a state folder, in which definitions run one after another. Made by local_pipeline."""

    def __init__(self, opened: Opened, say: Callable[[str], None], launcher: Wanted = "auto") -> None:
        self._opened = opened
        self._launcher = launcher
        self._say = say

    @property
    def bucket(self) -> str:
        """The bucket that is there from the start, called as the SDK's default bucket is."""
        return self._opened.aws.BUCKET

    @property
    def boto_session(self) -> Any:
        """A boto3 session all of whose clients are local, for the SageMaker SDK's PipelineSession and for tests."""
        with _isolated():
            return self._opened.aws.session()

    def upload(self, uploads: Uploads) -> None:
        """Put contents, files or folders into the local S3; see `uploads` of run_definition.

        Raises:
            UsageError: a URI is no address, S3 takes no bucket of that name, or there is no such file.
        """
        with self._on_disk(uploads) as files:
            put_files(self._opened.aws, files)

    @contextmanager
    def _on_disk(self, uploads: Uploads) -> Iterator[list[Upload]]:
        """The uploads as files; contents that are given as bytes are files while the block lasts."""
        files: list[Upload] = []
        made: list[Path] = []
        try:
            for uri, source in uploads.items():
                bucket, key = split_uri(uri)
                if not isinstance(source, bytes):
                    files.append(parse_upload(f"{source}={uri}"))
                    continue
                if problem := bucket_problem(bucket):
                    raise UsageError(f"Could not make the bucket of {uri}: {problem}.")
                if not key or key.endswith("/"):
                    raise UsageError(f"The bytes for {uri} need the key of an object, not a prefix.")
                made.append(self._opened.home.scratch(f"upload-{len(made)}"))
                made[-1].write_bytes(source)
                files.append(Upload(made[-1], uri))
            yield files
        finally:
            for file in made:
                file.unlink(missing_ok=True)

    def run(
        self,
        definition: Definition,
        *,
        parameters: Mapping[str, object] | None = None,
        uploads: Uploads | None = None,
        pipeline_name: str | None = None,
        **options: Any,
    ) -> DefinitionRun:
        """Execute a compiled definition to its end.

        Args:
            definition, parameters, uploads: as for run_definition.
            pipeline_name: what PipelineName is, and whose earlier results a step may reuse.
            options: more arguments of start_execution (engine/start.py): `use_cache=False` runs every step, `only`
                some (with `source`, the record of an earlier result), `max_parallel` bounds the jobs at once,
                `launcher` is "sandbox" or "process", `python` the path of the jobs' Python. `handlers`,
                `stand_ins` and `images` may be mappings, of what the command's options of these names have before
                the = to what they have after it: `handlers={"Deploy": "handlers.py:deploy"}`.

        Raises:
            UsageError: see run_definition.
        """
        text, name = _text_of(definition)
        opened = self._opened
        settings = {
            "observer": _Nobody(),
            "stop": threading.Event(),
            "explain": self._say,
            "launcher": self._launcher,
            **engine_options(options, containers=self._launcher == "container"),
        }
        with _isolated(), self._on_disk(uploads or {}) as files:
            record = start_execution(
                text,
                parameters or {},
                home=opened.home,
                aws=opened.aws,
                store=opened.store,
                lock=opened.lock,
                pipeline_name=pipeline_name or name or _PIPELINE_NAME,
                uploads=files,
                **settings,
            )
            # What jobs put there themselves, and models that they registered.
            opened.aws.save_objects()
            opened.aws.persist_registry()
        return DefinitionRun(opened.home, record)


class _Nobody:
    """An observer that looks away."""

    def execution_changed(self, execution: ExecutionRecord) -> None:
        """See Observer."""

    def log_line(self, step: str, line: str) -> None:
        """See Observer."""


def _text_of(definition: Definition) -> tuple[str, str | None]:
    """The JSON text of a definition, and what its file calls the pipeline."""
    if isinstance(definition, Path):
        file = read_definition_file(definition)
        return file.text, file.pipeline_name
    return (definition if isinstance(definition, str) else json.dumps(definition)), None


@contextmanager
def _isolated() -> Iterator[None]:
    """Within the block no AWS client that is made in this process reaches anything but the local S3."""
    before = dict(os.environ)
    isolate(os.environ)
    try:
        yield
    finally:
        for name in [name for name in os.environ if name not in before]:
            del os.environ[name]
        os.environ.update({name: value for name, value in before.items() if os.environ.get(name) != value})
