"""The local target: the state folder, the stand-ins for S3 and the Model Registry, and the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.console import say
from pipeline.definition.settings import PROJECT, Settings, local_settings
from pipeline.definition.settings import Choices as SettingsChoices
from pipeline.execution import ExecutionRecord, Observer
from pipeline.local.engine.start import resume_execution, start_execution
from pipeline.local.jobs.functions.handler import Handler
from pipeline.local.jobs.interpreter import Interpreter
from pipeline.local.jobs.launchers.choice import Wanted
from pipeline.local.jobs.stand_in import StandIn
from pipeline.local.jobs.uploads import Upload
from pipeline.local.opened import open_state
from pipeline.local.state.changed_code import changed_code
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.lock import Held
from pipeline.local.state.objects import Objects
from pipeline.local.state.openness import openness
from pipeline.local.state.registry_state import RegistryState
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.registry import Package, Registry, newest_approved, packages_of_group
from pipeline.spec.definition import Definition

if TYPE_CHECKING:
    from pipeline.local.jobs.launchers.containers.images import ImageChoice
    from pipeline.local.jobs.launchers.sandbox import Trial


@contextmanager
def open_local(
    home: Home, waiting: Callable[[str], None], *, containers: bool = False
) -> Iterator[LocalTarget]:
    """A LocalTarget while the block lasts; waits while another command has the folder, and says so by `waiting`.

    `containers`: jobs are to run in containers.
    """
    warn_of_openness(home)
    with open_state(home, waiting, containers=containers) as opened:
        yield LocalTarget(home, opened.lock, opened.store, opened.aws)


def warn_of_openness(home: Home) -> None:
    """Tell the user when others can write to the state folder."""
    if warning := openness(home.root):
        say(warning)


@dataclass(frozen=True)
class Choices:
    """How an execution is to run: the arguments of start_execution with these names."""

    max_parallel: int | None = None
    use_cache: bool = True
    only: Sequence[str] = ()
    source: ExecutionRecord | None = None
    launcher: Wanted = "auto"
    stand_ins: Sequence[StandIn] = ()
    python: Interpreter | None = None
    handlers: Sequence[Handler] = ()
    images: Sequence[ImageChoice] = ()
    uploads: Sequence[Upload] = ()
    trial: Trial | None = None


ALL_STEPS = Choices()


class LocalTarget:
    """The state folder held alone, its store, and the stand-ins for AWS. Made by open_local."""

    name = "local"

    def __init__(self, home: Home, lock: Held, store: Store, aws: LocalAws) -> None:
        self.home = home
        self.lock = lock
        self.store = store
        self.aws = aws
        self.pipeline_name = PROJECT

    def compile(self, settings: Settings) -> str:
        """The compiled definition; its code is in the store afterwards."""
        from pipeline.targets.local_compiling import CompiledDefinitions

        return CompiledDefinitions(self.home, self.store).get(settings, lambda: self._compile(settings))

    def _compile(self, settings: Settings) -> str:
        from pipeline.definition.compiling import compile_definition

        say("Compiling the pipeline with the SageMaker SDK …")
        self._make_ready(settings.uri("code"))
        with self.aws.faults("Uploading the code to the local S3"):
            text = compile_definition(settings, self.aws.session())
        self.aws.save_objects()
        return text

    def _make_ready(self, uri: str) -> None:
        """Leave below `uri` nothing in the local S3 that is damaged, nor code that is not what its address says: it
        will be sent again."""
        self.aws.ensure_bucket(uri.removeprefix("s3://").partition("/")[0])
        objects = self.aws.objects
        self.aws.delete_objects([each for each in self.aws.stored_objects(uri) if objects.damage(each)])
        self.aws.delete_objects(changed_code(objects, uri))

    def upload_data(self, settings: Settings, folder: Path) -> str:
        """Puts the data set's files into the local S3, addressed by content, and returns their S3 folder."""
        from pipeline.dataset.check import published_files
        from pipeline.dataset.choice import digest_of
        from pipeline.dataset.upload import upload_files

        uri = settings.uri("raw", digest_of(folder))
        files = published_files(folder)
        objects = Objects(self.home, self.store)
        stored = {item.key.rpartition("/")[2]: item for item in objects.under(f"{uri}/")}
        if all(name in stored and objects.damage(stored[name]) is None for name in files):
            return uri  # It names the content. The server need not have it: perhaps no step has to read it.
        self._make_ready(uri)
        prefix = uri.removeprefix(f"s3://{settings.bucket}/")
        with self.aws.faults("Uploading the data set to the local S3"):
            upload_files(self.aws.client("s3"), settings.bucket, prefix, files)
        self.aws.save_objects()
        return uri

    def run(
        self,
        definition: str | Definition,
        values: Mapping[str, object],
        observer: Observer,
        stop: threading.Event,
        choices: Choices = ALL_STEPS,
        pipeline_name: str = "",
    ) -> ExecutionRecord:
        """Executes a compiled definition to its end and returns its record; "": under the project's own name."""
        return start_execution(
            definition,
            values,
            home=self.home,
            aws=self.aws,
            store=self.store,
            observer=observer,
            stop=stop,
            pipeline_name=pipeline_name or self.pipeline_name,
            target=self.name,
            lock=self.lock,
            explain=say,
            **vars(choices),
        )

    def resume(
        self,
        execution_id: str | None,
        observer: Observer,
        stop: threading.Event,
        launcher: Wanted = "auto",
        images: Sequence[ImageChoice] = (),
    ) -> ExecutionRecord:
        """Continues an execution to its end, under its own id, and returns its record; None: the latest."""
        return resume_execution(
            execution_id,
            home=self.home,
            aws=self.aws,
            store=self.store,
            observer=observer,
            stop=stop,
            lock=self.lock,
            launcher=launcher,
            images=images,
            explain=say,
        )

    def newest_approved(self, group: str) -> Package | None:
        """The approved version of the group with the highest number, as the state folder has it; None when none is.

        Raises:
            StateError: the saved packages cannot be read.
        """
        return newest_approved(packages_of_group(RegistryState(self.store).packages(), group))

    def registry(self, group: str) -> Registry:
        """The local model registry; save changes with save_registry."""
        return Registry(self.aws.client("sagemaker"), group)

    def save_registry(self) -> None:
        """Writes the registry's state to disk."""
        self.aws.persist_registry()


def local_settings_for(choices: SettingsChoices) -> Settings:
    """Settings of the local target for these choices."""
    return local_settings(LocalAws.ACCOUNT, LocalAws.REGION, **choices)
