"""The docker target: the same definition, in containers, by the SageMaker SDK's own local mode.

State, S3 and the Model Registry are the local target's; the server listens where containers reach it. The SDK runs
the steps one after another, and knows neither step caching nor retries nor checkpoints kept between attempts.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipeline.compiling import compile_pipeline
from pipeline.console import say
from pipeline.docker.engine import Address, find_address, require_engine, require_image
from pipeline.docker.image import image_tag
from pipeline.docker.probe import require_reach
from pipeline.docker.recorder import new_record
from pipeline.docker.refusals import refuse_unsupported
from pipeline.docker.workplace import make_workplace, sweep_workplaces
from pipeline.errors import UsageError
from pipeline.execution import ExecutionRecord, Observer
from pipeline.local.engine.start import new_execution_id
from pipeline.local.state import isolation
from pipeline.local.state.ending import settle
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.lock import Held, exclusive
from pipeline.local.state.rebuilding import write_journals
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.local_target import ALL_STEPS, Choices, LocalTarget, warn_of_openness
from pipeline.settings import PROJECT, Settings
from pipeline.spec.parameters import resolve_parameters
from pipeline.spec.parsing import parse_definition

IMAGES = ("ProcessingImageUri", "TrainingImageUri")
INSTANCE_TYPES = ("ProcessingInstanceType", "TrainingInstanceType")


def docker_values() -> dict[str, str]:
    """What the docker target starts an execution with where the user says nothing."""
    return dict.fromkeys(INSTANCE_TYPES, "local") | {name: image_tag() for name in IMAGES}


def require_docker(values: Mapping[str, Any]) -> None:
    """Raises UsageError or DockerError unless jobs of these parameter values can run here."""
    for name in INSTANCE_TYPES:
        if values[name] not in ("local", "local_gpu"):
            raise UsageError(
                f"Preparing TARGET=docker: expected {name}=local or local_gpu. Received: {name}={values[name]}, "
                "which containers on this machine are not. Leave it out."
            )
    require_engine()
    for image in dict.fromkeys(str(values[name]) for name in IMAGES):
        require_image(image)


@contextmanager
def open_docker(home: Home, waiting: Callable[[str], None]) -> Iterator[DockerTarget]:
    """A DockerTarget while the block lasts; waits while another command has the state folder (see `exclusive`)."""
    warn_of_openness(home)
    address = find_address()
    with exclusive(home, waiting) as lock, Store(home) as store:
        settle(store)
        write_journals(home, store)
        # Containers first: they may still write into their folders.
        sweep_workplaces(home, image_tag())
        if left := home.sweep():
            say(left)
        with LocalAws(
            home, store, address.listens_at, called=address.reached_at, holding=lock.descriptor
        ) as aws:
            yield DockerTarget(home, lock, store, aws, address)


class DockerTarget(LocalTarget):
    """The local target's state and services, with the SDK's local mode as its engine. Made by open_docker."""

    name = "docker"

    def __init__(self, home: Home, lock: Held, store: Store, aws: LocalAws, address: Address) -> None:
        super().__init__(home, lock, store, aws)
        self._address = address
        self._compiled: tuple[Settings, Any, Any] | None = None

    def compile(self, settings: Settings) -> str:
        """The compiled definition, byte for byte the local target's; its code is in the local S3 afterwards."""
        say("Compiling the pipeline with the SageMaker SDK …")
        self._make_ready(settings.uri("code"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the SDK's own modules do is no news for its users
            from pipeline.docker.session import ComposeSession
        # It says of each job what local mode leaves out; this module says it once.
        logging.getLogger("sagemaker.core.local").setLevel(logging.ERROR)
        session = ComposeSession(self.aws.endpoint_url, self.aws.credentials, settings.bucket)
        pipeline, text = compile_pipeline(settings, lambda: session)
        self.aws.save_objects()
        self._compiled = settings, session, pipeline
        return text

    def run(
        self,
        definition: str,
        values: Mapping[str, object],
        observer: Observer,
        stop: threading.Event,
        choices: Choices = ALL_STEPS,
    ) -> ExecutionRecord:
        """Executes the pipeline that was compiled last, to `definition`, and returns its record.

        There are no `choices`: the SDK's local mode runs all steps, one after another, and reuses none.

        Raises:
            UsageError: a parameter is wrong, or the definition asks for what the SDK's local mode has not.
            DockerError: containers cannot work with this machine's files or local S3. Nothing was started.
        """
        from pipeline.docker.run import run_pipeline
        from pipeline.docker.session import FORBIDDEN_FOLDERS

        if self._compiled is None:
            raise RuntimeError("DockerTarget.run is called before compile")
        _, session, pipeline = self._compiled
        parsed = parse_definition(definition)
        resolved = resolve_parameters(parsed, values)
        refuse_unsupported(parsed)
        self.aws.check_registry()
        record = new_record(new_execution_id(), PROJECT, self.name, parsed, resolved)
        self.lock.by_execution(record.execution_id)

        def persist() -> None:
            self.aws.save_objects()
            self.aws.persist_registry()

        workplace = make_workplace(self.home, str(resolved[IMAGES[0]]), FORBIDDEN_FOLDERS)
        try:
            endpoint = self.aws.endpoint_url.replace(self._address.listens_at, self._address.reached_at)
            require_reach(str(resolved[IMAGES[0]]), endpoint, workplace.folder)
            return run_pipeline(
                pipeline,
                session,
                parsed,
                record,
                workplace=workplace,
                environment=job_environment(endpoint, self._address.reached_at),
                log_path=lambda step: self.home.step_log(record.execution_id, step),
                persist=persist,
                save=lambda changed: self.store.save_execution(changed, definition),
                observer=observer,
                stop=stop,
            )
        finally:
            workplace.remove()


def job_environment(endpoint: str, host: str) -> dict[str, str]:
    """What leads every AWS client in a container to `endpoint`, on `host`; the SDK adds the run's credentials."""
    settings = isolation.aws_settings(endpoint, isolation.NOBODY)
    # Compose takes no variable twice.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del settings[name]
    # Docker may be set to give its containers a proxy.
    return settings | {"no_proxy": host, "NO_PROXY": host}
