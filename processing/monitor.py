"""Monitor: compares what an endpoint captured with the baseline of the model that answered.

SageMaker runs it as the only job of the second pipeline. Drift is a result, not a failure: the job succeeds, and
the pipeline's condition fails the execution by name. The newest files are read first, until there are enough.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from argument_types import filled, whole_number
from captured_lines import Captured, CapturedFile, captured_file, read_captured
from drift_baseline import Baseline, class_counts, digest_of, parse_baseline
from drift_documents import Judged, statistics_document, violations_document
from drift_measures import measure
from drift_page import page_bytes
from drift_verdict import TOO_FEW, Verdict, judge
from evaluation_document import to_json_bytes, write_whole
from job_failure import JobArgumentParser, JobError, leave_message, run_job
from s3_objects import S3Error, list_keys, read_object

NEWEST = "newest"
MOST_IMAGES = 50_000  # 40 MB; more find no drift that these would not


def parse_args(argv: Sequence[str]) -> argparse.Namespace:
    """The command line; paths default to the folders of SageMaker's container contract."""
    parser = JobArgumentParser(__doc__)
    add = parser.add_argument
    add("--capture", type=filled, required=True, help="S3 prefix that captured lines lie below")
    add("--endpoint", type=filled, required=True, help="whose lines are meant; others are left out")
    add(
        "--model-package-group",
        type=filled,
        required=True,
        help="where the model that answered is registered",
    )
    add("--model-version", type=_version, default=NEWEST, help=f"which answered, or {NEWEST}: the last one")
    add("--hours", type=whole_number(0), default="0", help="how many hours back (0: all there are)")
    add("--region", type=filled, required=True, help="AWS region of the bucket and the registry")
    add(
        "--output",
        type=Path,
        default=Path("/opt/ml/processing/output/monitoring"),
        help="folder for drift.json",
    )
    return parser.parse_args(argv)


def _version(text: str) -> str:
    return text if text == NEWEST else str(whole_number(1)(text))


def main(args: argparse.Namespace) -> None:
    """Find the files, read the lines, fetch the baseline, compare, write."""
    s3 = boto3.client("s3", region_name=args.region)
    since = None if args.hours == 0 else datetime.now(UTC) - timedelta(hours=args.hours)
    found, left_out = files_of_model(list_keys(s3, args.capture), args, since)
    captured = Captured(MOST_IMAGES)
    judged = Judged(args.capture, args.endpoint, None, None, captured, Verdict(TOO_FEW, 0, ()), left_out)
    if found:
        bucket = args.capture.removeprefix("s3://").partition("/")[0]
        captured = read_captured(
            (read_object(s3, f"s3://{bucket}/{each.key}") for each in found), MOST_IMAGES
        )
        version = found[0].version
        sagemaker = boto3.client("sagemaker", region_name=args.region)
        baseline = fetch_baseline(sagemaker, s3, args.model_package_group, version)
        counts = class_counts(captured.probabilities())
        measures = measure(captured.pixels(), captured.probabilities())
        verdict = judge(baseline, measures, counts)
        judged = Judged(args.capture, args.endpoint, version, baseline, captured, verdict, left_out)
    write_whole(args.output, "statistics.json", to_json_bytes(statistics_document(judged)))
    write_whole(args.output, "constraint_violations.json", to_json_bytes(violations_document(judged.verdict)))
    write_whole(args.output, "report.html", page_bytes(judged))
    write_whole(args.output, "drift.json", to_json_bytes(judged.to_json()))
    for reason, count in judged.losses.items():
        print(f"Left out: {count} {reason}", flush=True)
    print(judged.verdict.reason, flush=True)
    leave_message(args.exit_message, judged.verdict.reason)  # the reason of an execution that drift fails


def files_of_model(
    keys: Iterable[str], args: argparse.Namespace, since: datetime | None
) -> tuple[list[CapturedFile], dict[str, int]]:
    """The files of the model's lines, newest first, and how many others there are, by why they are left out.

    Raises:
        JobError: there are no captured lines at all.
    """
    files = [file for key in keys if (file := captured_file(key)) is not None]
    if not files:
        raise JobError(
            f"There are no captured lines below {args.capture}: no file …/model-version-V/ENDPOINT/VARIANT/"
            "yyyy/mm/dd/hh/NAME.jsonl. Start with: python -m pipeline serve --capture, or deploy --capture."
        )
    others = [file for file in files if file.endpoint != args.endpoint]
    own = [file for file in files if file.endpoint == args.endpoint]
    begin = "" if since is None else f"{since:%Y/%m/%d/%H}"
    recent = sorted(
        (file for file in own if file.hour >= begin), key=lambda file: (file.hour, file.key), reverse=True
    )
    version = recent[0].version if recent and args.model_version == NEWEST else None
    if args.model_version != NEWEST:
        version = int(args.model_version)
    chosen = [file for file in recent if file.version == version]
    left_out = {
        f"files of other endpoints ({', '.join(sorted({file.endpoint for file in others})[:3])})": len(
            others
        ),
        f"files from before the last {args.hours} hours": len(own) - len(recent),
        f"files of other models than version {version}": len(recent) - len(chosen),
    }
    return chosen, {why: count for why, count in left_out.items() if count}


def fetch_baseline(sagemaker: Any, s3: Any, group: str, version: int) -> Baseline:
    """The baseline that the registry names for a version of the group.

    Raises:
        JobError: there is no such version, it has no baseline, or not the one that was registered.
    """
    try:
        pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
        arns = [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]
        arn = next((arn for arn in arns if arn.endswith(f"/{version}")), None)
        package = {} if arn is None else sagemaker.describe_model_package(ModelPackageName=arn)
    except (ClientError, BotoCoreError) as error:
        raise JobError(
            f"Could not read version {version} of {group} in the model registry: {error}. Check the group's name "
            "and the role's permissions."
        ) from error
    if arn is None:
        raise JobError(
            f"Version {version}, which answered, is not in the model package group {group}. Name the group that it "
            "was deployed from, or the version of lines whose model is still registered."
        )
    statistics = package.get("DriftCheckBaselines", {}).get("ModelDataQuality", {}).get("Statistics")
    if statistics is None:
        raise JobError(
            f"Version {version} of {group} has no baseline: it was registered before evaluations left any. Run the "
            "training pipeline, and monitor the model that it registers."
        )
    uri = statistics["S3Uri"]
    content = read_object(s3, uri)
    if digest_of(content) != statistics.get("ContentDigest"):
        raise S3Error(
            f"The baseline {uri} is not the one that version {version} of {group} was registered with. Run the "
            "training pipeline, and monitor the model that it registers."
        )
    return parse_baseline(content, uri)


if __name__ == "__main__":
    sys.exit(run_job(parse_args, main, sys.argv[1:]))
