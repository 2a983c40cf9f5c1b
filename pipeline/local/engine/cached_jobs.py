"""Runs jobs, but for those whose result an earlier execution left: a JobRunner around another."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline.formatting import duration
from pipeline.local.jobs.runner import JobCall, JobOutcome, JobRunner
from pipeline.local.state import clock
from pipeline.local.state.cache import Miss, StepCache, cache_attributes, key_document
from pipeline.local.state.decisions import Verdict, digest_of_key
from pipeline.spec.definition import Json, PropertyFile, Step


class CachedJobs:
    """The JobRunner of one execution of `pipeline`.

    `reuse` says whether results may be reused, or only recorded; `say` adds a line to the log of a step.
    `image` says what stands for the image of a step's job in the cache; see key_document. `keep_inputs` writes down
    what its inputs hold.
    """

    def __init__(
        self,
        jobs: JobRunner,
        cache: StepCache,
        pipeline: str,
        execution_id: str,
        *,
        reuse: bool,
        say: Callable[[str, str], None],
        image: Callable[[Step, Mapping[str, Json]], str | None] = lambda step, arguments: None,
        keep_inputs: Callable[[Step, Mapping[str, Json]], None] = lambda step, arguments: None,
    ) -> None:
        self._jobs = jobs
        self._cache = cache
        self._pipeline = pipeline
        self._execution_id = execution_id
        self._reuse = reuse
        self._say = say
        self._image = image
        self._keep_inputs = keep_inputs

    def __call__(self, call: JobCall) -> JobOutcome:
        """Hand on an earlier result if there is one and the step's CacheConfig allows it; else run the job."""
        if cache_attributes(call.step.type) is None:
            return self._jobs(call)
        self._keep_inputs(call.step, call.arguments)
        key, found = self._look(call.step, call.arguments)
        if found is not None:
            return found
        outcome = self._jobs(call)
        # Whether or not this step may be reused today: its CacheConfig is not part of what decided the result.
        self._cache.record(key, self._execution_id, outcome.properties)
        return outcome

    def earlier(self, step: Step, arguments: Mapping[str, Json]) -> JobOutcome | None:
        """An earlier result of a step that runs no job of its own, if its CacheConfig allows it."""
        return self._look(step, arguments)[1]

    def remember(self, step: Step, arguments: Mapping[str, Json], properties: Mapping[str, Json]) -> None:
        """Keep the result of such a step for later executions."""
        document = key_document(self._pipeline, step, arguments, self._image(step, arguments))
        self._cache.record(digest_of_key(document), self._execution_id, properties)

    def _look(self, step: Step, arguments: Mapping[str, Json]) -> tuple[str, JobOutcome | None]:
        """The step's key, and its earlier result if that serves; what was decided is noted."""
        document = key_document(self._pipeline, step, arguments, self._image(step, arguments))
        key = digest_of_key(document)

        def note(verdict: Verdict, detail: str | None = None) -> None:
            self._cache.decisions.note(self._execution_id, step.name, document, verdict, detail)

        if step.cache is None or not step.cache.enabled:
            note("caching is off")
        elif not self._reuse:
            note("no cache wanted")
        else:
            found = self._cache.find(key, step.cache.expire_after)
            if not isinstance(found, Miss) and found.execution_id == self._execution_id:
                # Killed between the job's end and the step's. It did run here.
                self._say(step.name, "an earlier attempt of this execution finished this")
                note("finished before")
                return key, JobOutcome(found.properties)
            if not isinstance(found, Miss):
                note("reused", found.execution_id)
                age = duration(max(0.0, clock.now() - found.recorded_at))
                self._say(
                    step.name,
                    f"reused: {age} ago execution {found.execution_id} ran this with the same code, settings and "
                    f"inputs. Its log: python -m pipeline logs {found.execution_id} {step.name}",
                )
                return key, JobOutcome(found.properties, reused_from=found.execution_id)
            note(found.verdict, found.reason)
            if found.reason is not None:
                self._say(step.name, f"not reused: {found.reason}")
        return key, None

    def read_property_file(
        self, step: Step, property_file: PropertyFile, properties: Mapping[str, Json]
    ) -> Json:
        """See JobRunner."""
        return self._jobs.read_property_file(step, property_file, properties)

    def read_document(self, uri: str) -> Json:
        """See JobRunner."""
        return self._jobs.read_document(uri)
