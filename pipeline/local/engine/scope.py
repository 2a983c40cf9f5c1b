"""What the expressions of a definition see while an execution runs."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from pipeline.errors import StepFailed
from pipeline.execution import StepRecord
from pipeline.local.jobs.job import now_text
from pipeline.local.jobs.runner import JobRunner
from pipeline.spec.definition import Definition, Json, Step
from pipeline.spec.vocabulary import JOB_NAME_VARIABLES

_ENDS = {"Failed": "failed", "Stopped": "was stopped", "Skipped": "was skipped"}


class ExecutionScope:
    """The Scope of one execution. `records` is the engine's own, by step name, and changes while it runs."""

    def __init__(
        self,
        definition: Definition,
        parameters: Mapping[str, Json],
        execution: Mapping[str, str],
        records: Mapping[str, StepRecord],
        run_job: JobRunner,
    ) -> None:
        self.parameters = parameters
        self._definition = definition
        self._steps = {step.name: step for step in definition.steps}
        self._execution = execution
        self._records = records
        self._run_job = run_job
        self._files: dict[tuple[str, str], Json] = {}

    @property
    def execution(self) -> Mapping[str, str]:
        """The execution's variables, with the time as it is now."""
        return {**self._execution, "CurrentDateTime": now_text()}

    def of_job(self, step_type: str, job_name: str) -> ExecutionScope:
        """What the expressions of a step see whose job will have this name."""
        variable = JOB_NAME_VARIABLES.get(step_type)
        if variable is None:
            return self
        scope = copy.copy(self)
        scope._execution = {**self._execution, variable: job_name}
        return scope

    def add(self, steps: Iterable[Step]) -> None:
        """Steps that the definition does not list: the children of a ForEach step."""
        self._steps |= {step.name: step for step in steps}

    @property
    def experiment(self) -> Mapping[str, Json]:
        """The definition's PipelineExperimentConfig."""
        return self._definition.experiment

    def properties(self, step: str) -> Mapping[str, Json]:
        """What the finished `step` left behind.

        Raises:
            StepFailed: it did not succeed, which a step may see that runs on a failure, and left nothing.
        """
        record = self._records[step]
        if record.status != "Succeeded" and not record.properties:
            raise StepFailed(
                f"Reading the properties of step {step}: it {_ENDS.get(record.status, 'has not run')}, so it has "
                "none. Read them only in steps that run after it succeeded."
            )
        return record.properties

    def property_file(self, step: str, name: str) -> Json:
        """The content of a property file, read once."""
        if (step, name) not in self._files:
            declared = {file.name: file for file in self._steps[step].property_files}
            if self._records[step].status != "Succeeded" or name not in declared:
                raise StepFailed(
                    f"Could not read the property file {name} of step {step}: the step is "
                    f"{self._records[step].status} and declares "
                    f"{', '.join(declared) or 'no property files'}."
                )
            content = self._run_job.read_property_file(
                self._steps[step], declared[name], self.properties(step)
            )
            self._files[step, name] = content
        return self._files[step, name]

    def document(self, uri: str) -> Json:
        """The JSON document at an S3 URI, as it is now."""
        return self._run_job.read_document(uri)
