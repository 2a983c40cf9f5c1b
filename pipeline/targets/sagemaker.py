"""The sagemaker target: SageMaker Pipelines, with the bucket, roles and registry of the stack in an AWS account."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.console import say
from pipeline.dataset.check import FILES, published_files
from pipeline.dataset.choice import data_digest_of_sources, digest_of
from pipeline.dataset.upload import upload_files
from pipeline.definition.settings import MONITOR_SUFFIX, Settings
from pipeline.errors import AwsError, CredentialsError
from pipeline.execution import ExecutionRecord
from pipeline.local.state.state_dir import Home, home_from
from pipeline.registry import Package, Registry
from pipeline.report.outcome import Outcome, write_report_of
from pipeline.targets.aws.account import Account, open_account
from pipeline.targets.aws.aws_errors import translate_errors
from pipeline.targets.aws.billing import Bill, read_bill
from pipeline.targets.aws.executions import Executions
from pipeline.targets.aws.follow import Follower
from pipeline.targets.aws.prices import Prices
from pipeline.targets.aws.records import AwsExecution
from pipeline.targets.aws.report_upload import upload_report
from pipeline.targets.aws.results import fetch_outcome, results_folder
from pipeline.targets.aws.stack import StackOutputs, read_stack, stack_name
from pipeline.targets.aws.upsert import Done, upsert_pipeline
from pipeline.targets.aws.versions import Label


def open_sagemaker(environ: Mapping[str, str]) -> SageMakerTarget:
    """The target, for the account that this machine's credentials are for and the stack that is in it.

    Raises:
        CredentialsError, UsageError: the account cannot be opened, or there is no stack in it.
        AwsError: AWS cannot be reached, or refuses.
    """
    home = home_from(environ)
    account = open_account(environ)
    stack = read_stack(account.client("cloudformation"), stack_name(environ))
    return SageMakerTarget(home, account, stack)


class SageMakerTarget:
    """An AWS account with its stack; the state folder keeps nothing but downloaded results and reports."""

    name = "sagemaker"

    def __init__(self, home: Home, account: Account, stack: StackOutputs) -> None:
        self.home = home
        self.account = account
        self.stack = stack
        self.monitor_name = f"{stack.pipeline_name}{MONITOR_SUFFIX}"
        self.executions = Executions(account.client("sagemaker"), stack.pipeline_name, self.monitor_name)
        self.prices = Prices(account)

    def for_monitor(self) -> SageMakerTarget:
        """The same account, with the executions of the monitor's pipeline."""
        target = SageMakerTarget(self.home, self.account, self.stack)
        target.executions = Executions(self.client, self.monitor_name)
        return target

    @property
    def client(self) -> Any:
        """The boto3 SageMaker client."""
        return self.account.client("sagemaker")

    def compile(self, settings: Settings) -> str:
        """The compiled definition; its code is in the bucket afterwards."""
        from pipeline.definition.compiling import compile_definition

        say("Compiling the pipeline with the SageMaker SDK …")
        # The SDK makes clients of its own while it is imported; nothing is asked of them.
        os.environ.setdefault("AWS_DEFAULT_REGION", self.account.region)
        with translate_errors("Compiling the pipeline and uploading its code"):
            return compile_definition(settings, self.account.session)

    def data_set_uri(self, settings: Settings) -> str | None:
        """The S3 folder of Fashion-MNIST in the bucket; None when it is not there, or not all of it."""
        uri = settings.uri("raw", data_digest_of_sources())
        prefix = uri.removeprefix(f"s3://{settings.bucket}/")
        with translate_errors(f"Looking for the data set in {settings.bucket}"):
            listed = self.account.client("s3").list_objects_v2(Bucket=settings.bucket, Prefix=f"{prefix}/")
        names = {each["Key"].rpartition("/")[2].removesuffix(".gz") for each in listed.get("Contents", [])}
        return uri if names >= {file.name for file in FILES} else None

    def upload_data(self, settings: Settings, folder: Path) -> str:
        """Puts the data set's files into the bucket, addressed by content, and returns their S3 folder."""
        uri = settings.uri("raw", digest_of(folder))
        with translate_errors(f"Uploading the data set to {settings.bucket}"):
            sent = upload_files(
                self.account.client("s3"),
                settings.bucket,
                uri.removeprefix(f"s3://{settings.bucket}/"),
                published_files(folder),
            )
        if sent:
            say(f"Data set → {uri}")
        return uri

    def upsert(self, settings: Settings, definition: str, label: Label | None = None) -> None:
        """Creates or updates the pipeline, whose new version is called as `label` says."""
        done = upsert_pipeline(
            self.client,
            settings.pipeline_name,
            definition,
            settings.pipeline_role,
            settings.cost_tags(),
            label,
        )
        say(f"Pipeline {settings.pipeline_name}: {done}.")

    def upsert_definition(self, definition: str, label: Label) -> Done:
        """Makes this definition the newest version of the stack's pipeline, which is there."""
        name, role = self.stack.pipeline_name, self.stack.pipeline_role
        return upsert_pipeline(self.client, name, definition, role, {}, label)

    def follower(self) -> Follower:
        """What follows executions."""
        return Follower(self.executions, self.account.client("logs"), say)

    def registry(self, group: str | None = None) -> Registry:
        """The model registry of a group; of the stack's by default."""
        return Registry(self.client, group or self.stack.model_package_group)

    def newest_approved(self, group: str) -> Package | None:
        """The approved version of the group with the highest number; None when none is."""
        with translate_errors(f"Looking for the champion in {group}"):
            return self.registry(group).newest_approved()

    def outcome(self, execution: AwsExecution, *, predictions: bool) -> Outcome:
        """What the execution's evaluation wrote, downloaded."""
        return fetch_outcome(self.account, self.home, execution, predictions=predictions)

    def build_report(self, record: ExecutionRecord, outcome: Outcome) -> Path:
        """Writes the HTML report beside the downloaded results. Needs an evaluation."""
        return write_report_of(
            record, outcome, results_folder(self.home, record.execution_id) / "report.html"
        )

    def publish_report(self, execution: AwsExecution, report: Path) -> None:
        """Puts the report where the registry's entry links to; if the bucket does not take it, says so."""
        try:
            upload_report(self.account, execution, report)
        except (AwsError, CredentialsError) as error:
            say(f"The report is on this machine only, and the registry's link to it leads nowhere. {error}")

    def bill(self, execution: AwsExecution) -> Bill | None:
        """What the execution has cost by now; None when it ran no jobs."""
        return read_bill(self.client, execution, self.prices)
