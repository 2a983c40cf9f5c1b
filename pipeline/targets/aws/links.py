"""Addresses in AWS's console and in Studio.

Console and the Studio host: as the SageMaker SDK builds them (3.27, train/common_utils/metrics_visualizer.py).
Studio's page of a pipeline is /pipelines/view/<name>, which AWS does not document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.targets.aws.aws_errors import AWS_ERRORS
from pipeline.targets.aws.records import JobKind, JobRef

METADATA = Path("/opt/ml/metadata/resource-metadata.json")
CONSOLES: Mapping[str, str] = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
PAGES: Mapping[JobKind, str] = {"TrainingJob": "jobs", "ProcessingJob": "processing-jobs"}


def job_link(job: JobRef, partition: str, region: str) -> str | None:
    """The job's page in the console; None in a partition whose console is not known."""
    console = CONSOLES.get(partition)
    if console is None:
        return None
    return f"https://{region}.{console}/sagemaker/home?region={region}#/{PAGES[job.kind]}/{job.name}"


def studio_link(domain: str, region: str, pipeline: str) -> str:
    """The pipeline's page in the Studio of a domain."""
    return f"https://studio-{domain}.studio.{region}.sagemaker.aws/pipelines/view/{pipeline}"


def find_domain(client: Any, metadata: Path = METADATA) -> str | None:
    """The Studio domain that this runs in, else the account's only one; None when there is no telling."""
    try:
        domain = json.loads(metadata.read_text(encoding="utf-8")).get("DomainId")
    except (OSError, ValueError):
        domain = None
    if domain:
        return str(domain)
    try:
        domains = client.list_domains(MaxResults=2)["Domains"]
    except AWS_ERRORS:
        return None
    return str(domains[0]["DomainId"]) if len(domains) == 1 else None
