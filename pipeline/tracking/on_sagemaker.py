"""Describes executions that ran in SageMaker, from what AWS tells of them."""

from __future__ import annotations

from pipeline.targets.aws.aws_errors import translate_errors
from pipeline.targets.aws.joblogs import JobLog
from pipeline.targets.aws.records import AwsExecution
from pipeline.targets.sagemaker import SageMakerTarget
from pipeline.tracking.commit import commit_of_evaluation
from pipeline.tracking.describing import describe_execution
from pipeline.tracking.epochs import epochs_of
from pipeline.tracking.runs import Batch
from pipeline.view.loglines import EpochLine


def batch_of(target: SageMakerTarget, execution: AwsExecution) -> Batch:
    """What there is to publish of an execution. Raises CredentialsError, AwsError and StateError."""
    record = execution.record
    outcome = target.outcome(execution, predictions=False)
    epochs = {
        step.name: read_epochs(target, execution, step.name)
        for step in record.steps
        if step.type == "Training"
    }
    jobs = {step: job.arn for step, job in execution.jobs.items()}
    commit = commit_of_evaluation(outcome.evaluation)
    runs = describe_execution(record, epochs, outcome, jobs, commit)
    return Batch(record.pipeline_name, record.execution_id, runs)


def read_epochs(target: SageMakerTarget, execution: AwsExecution, step: str) -> list[EpochLine]:
    """The epochs that the log of a step's own job tells; a reused one has its history from the evaluation."""
    job = execution.jobs.get(step)
    if job is None or not job.own:
        return []
    with translate_errors(f"Reading the log of {step} in execution {execution.record.execution_id}"):
        return epochs_of(JobLog(target.account.client("logs"), job).whole())
