"""Evaluate: compares all trained candidates, applies the quality gate and registers the best.

SageMaker runs it as the last job of the pipeline, after all trainings. It alone sees the test split: candidates are
compared on validation, the winner's test accuracy decides whether the gate is passed. A missed gate is a result,
not a failure: the job succeeds, registers nothing, and the pipeline's condition fails the execution by name.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3

from argument_types import filled, share, whole_number
from artifact import Artifact, check_data_digest, load_artifact, parse_reference
from candidate_evaluation import Evaluated, evaluate_candidate, raw_splits
from champion import score_champion
from champion_comparison import compare
from drift_baseline import BASELINE_FILE, baseline_of, digest_of
from evaluation_document import (
    evaluation_document,
    leaderboard,
    predictions_bytes,
    to_json_bytes,
    write_whole,
)
from fashion_classes import CLASS_NAMES
from gallery import gallery_bytes
from gate import decide, judge_champion
from job_config import EvaluationOutput, read_job_config
from job_failure import JobArgumentParser, run_job, while_doing
from model_card import card_content, model_card
from processed_data import open_processed
from registration import PackageRequest, Registration, register
from s3_objects import upload
from selection import select
from served_model import load_served_model, use_threads

NO_CHAMPION = "none"
_CANDIDATE = "<name>-<seed>=<S3 URI of its model.tar.gz>; once for each training"
_MUST_BEAT = (
    "true: register no winner that is significantly worse than the champion (McNemar, exact, p < 0.05)"
)


def parse_args(argv: Sequence[str]) -> argparse.Namespace:
    """The command line; paths default to the folders of SageMaker's container contract."""
    parser = JobArgumentParser(__doc__)
    add = parser.add_argument
    folder = Path("/opt/ml/processing")
    cores = os.environ.get("SM_NUM_CPUS") or os.cpu_count() or 1
    statuses = ("PendingManualApproval", "Approved", "Rejected")
    add("--processed", type=Path, default=folder / "input/processed", help="folder that NormalizeData wrote")
    add("--output", type=Path, default=folder / "output/evaluation", help="folder for evaluation.json")
    add(
        "--candidate",
        dest="references",
        type=parse_reference,
        action="append",
        required=True,
        help=_CANDIDATE,
    )
    add("--min-accuracy", type=share, required=True, help="test accuracy that the winner must reach, 0..1")
    add("--model-package-group", type=filled, required=True, help="where the winner is registered")
    add("--approval-status", choices=statuses, default=statuses[0], help="of the new package")
    add("--inference-image", type=filled, required=True, help="image that serves the winner's SavedModel")
    add("--champion", type=filled, default=NO_CHAMPION, help="ARN of the package to compare with, or none")
    add("--must-beat-champion", choices=("true", "false"), default="false", help=_MUST_BEAT)
    add(
        "--job-config", type=Path, default=Path("/opt/ml/config/processingjobconfig.json"), help="of this job"
    )
    add("--region", type=filled, required=True, help="AWS region of the bucket and the registry")
    add("--threads", type=whole_number(1), default=str(cores), help="cores to use (default: %(default)s)")
    args = parser.parse_args(argv)
    ids = [reference.id for reference in args.references]
    if len(set(ids)) < len(ids):
        parser.error(f"argument --candidate: each training may be given only once, in {', '.join(ids)}")
    return args


def main(args: argparse.Namespace) -> None:
    """Check the data, score every candidate, choose, judge, write, register."""
    output = read_job_config(args.job_config)
    data = open_processed(args.processed)
    splits = raw_splits(data)
    s3 = boto3.client("s3", region_name=args.region)
    sagemaker = boto3.client("sagemaker", region_name=args.region)

    def evaluate(artifact: Artifact) -> Evaluated:
        started = time.monotonic()
        predict = load_served_model(artifact.saved_model, artifact.reference.id)
        evaluated = evaluate_candidate(artifact, predict, splits)
        print(f"Scored {evaluated.id} in {time.monotonic() - started:.1f} s", flush=True)
        return evaluated

    with while_doing("make a temporary folder"):
        folder = TemporaryDirectory()
    with folder as work:
        # All artifacts are fetched and checked before any is scored: a wrong one shows within seconds.
        artifacts = [load_artifact(s3, reference, Path(work)) for reference in args.references]
        for artifact in artifacts:
            check_data_digest(artifact, data.manifest.digest)
        use_threads(args.threads)
        evaluated = [evaluate(artifact) for artifact in artifacts]
        champion = (
            None
            if args.champion == NO_CHAMPION
            else score_champion(sagemaker, s3, args.champion, Path(work), evaluate)
        )

    winner = select(evaluated)
    comparison = None
    if champion is not None and champion.evaluated is not None:
        comparison = compare(winner, champion.evaluated, splits["test"].labels)
    reigning = None if champion is None else champion.to_json(comparison)
    part = judge_champion(champion, comparison, args.must_beat_champion == "true")
    gate = decide(winner.id, winner.test_accuracy, args.min_accuracy, part)
    document = to_json_bytes(evaluation_document(data.manifest, evaluated, winner, gate, reigning))
    write_whole(args.output, "evaluation.json", document)
    write_whole(args.output, "predictions.npz", predictions_bytes(evaluated, splits, champion))
    on_test = {one.id: one.probabilities["test"] for one in evaluated}
    write_whole(args.output, "gallery.npz", gallery_bytes(splits["test"], on_test, winner.id))
    card = model_card(data.manifest, evaluated, winner, gate, CLASS_NAMES)
    write_whole(args.output, "model-card.json", to_json_bytes(card))
    baseline = baseline_of(winner, splits["validation"]).to_bytes()
    write_whole(args.output, BASELINE_FILE, baseline)
    print(f"{leaderboard(evaluated, winner)}\n{part.reason}\n{gate.reason}", flush=True)

    if gate.passed:
        # The registry's package points to these objects; SageMaker uploads the output only when the job has ended.
        upload(s3, document, f"{output.uri}/evaluation.json", "application/json")
        upload(s3, baseline, f"{output.uri}/{BASELINE_FILE}", "application/json")
        of_champion = {} if champion is None else champion.metadata(comparison)
        package = _package(args, winner, output, card_content(card), digest_of(baseline), of_champion)
        registration = register(sagemaker, package)
    else:
        registration = Registration(None, None, False, f"Not registered: {gate.reason}")
    write_whole(args.output, "registration.json", to_json_bytes(registration.to_json()))
    print(registration.reason, flush=True)


def _package(
    args: argparse.Namespace,
    winner: Evaluated,
    output: EvaluationOutput,
    card: str,
    baseline_digest: str,
    of_champion: dict[str, str],
) -> PackageRequest:
    environment = winner.artifact.environment
    accuracies = {f"{split}_accuracy": f"{scores.accuracy:.6f}" for split, scores in winner.scores.items()}
    return PackageRequest(
        group=args.model_package_group,
        execution_id=output.execution_id,
        description=f"Fashion-MNIST classifier {winner.id}: test accuracy {winner.test_accuracy:.4f}",
        artifact_uri=winner.artifact.reference.uri,
        image=args.inference_image,
        evaluation_uri=f"{output.uri}/evaluation.json",
        approval_status=args.approval_status,
        metadata={
            "candidate": winner.name,
            "seed": str(winner.seed),
            "params": str(winner.params),
            **accuracies,
            "artifact_sha256": winner.artifact.sha256,
            "code_digest": environment["code_digest"],
            "data_digest": environment["data_digest"],
            **of_champion,
            # Whoever started the execution makes the report from this job's files, and puts it there.
            "report": f"{output.uri}/report.html",
            "registered_at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
        model_card=card,
        baseline_uri=f"{output.uri}/{BASELINE_FILE}",
        baseline_digest=baseline_digest,
    )


if __name__ == "__main__":
    sys.exit(run_job(parse_args, main, sys.argv[1:]))
