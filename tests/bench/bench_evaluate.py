"""Part `evaluate` of `make bench`: the peak memory of Evaluate over few trainings and over many.

Each candidate is trained once, for one epoch. Its artifact stands in a local S3 under as many seeds as are needed:
what Evaluate does with a training does not depend on what was learnt.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from measured_process import run_measured
from pipeline.console import say
from trained import ROOT, network_flags, words

TRAININGS = (3, 25)  # of the default run, and of the study's five candidates under five seeds
BUCKET, REGION = "bench", "us-east-1"


@dataclass(frozen=True)
class Evaluation:
    """One run of evaluate.py over so many `trainings`; `peak_memory` in bytes; `digests`: of its files, by name."""

    trainings: int
    seconds: float
    peak_memory: int
    digests: dict[str, str]


def measure_evaluation(
    candidates: Sequence[str], processed: Path, threads: int | None, counts: Sequence[int]
) -> list[Evaluation]:
    """Train each candidate for one epoch, then run evaluate.py over each of `counts` trainings."""
    with tempfile.TemporaryDirectory() as name, local_aws() as url:
        work = Path(name)
        session = boto3.Session("bench", "bench", region_name=REGION)
        s3 = session.client("s3", endpoint_url=url)
        s3.create_bucket(Bucket=BUCKET)
        for candidate in candidates:
            say(f"evaluate: training {candidate} …")
            _train(candidate, processed, threads, work / candidate)
        references = []
        for number in range(max(counts)):
            seed, place = divmod(number, len(candidates))
            key = f"{candidates[place]}-{seed}/model.tar.gz"
            archive = archive_of(work / candidates[place] / "model", seed)
            s3.put_object(Bucket=BUCKET, Key=key, Body=archive)
            references.append(f"{candidates[place]}-{seed}=s3://{BUCKET}/{key}")
        s3.close()
        return [
            _evaluate(references[:count], processed, threads, work / f"of-{count}", url) for count in counts
        ]


@contextmanager
def local_aws() -> Iterator[str]:
    """The URL of an S3 and a registry, on loopback, while the block lasts."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # or every request is logged
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


def _train(candidate: str, processed: Path, threads: int | None, folder: Path) -> None:
    flags = {
        **network_flags(candidate),
        "epochs": 1,
        "train": processed / "train",
        "validation": processed / "validation",
        "manifest": processed,
        "model-dir": folder / "model",
        "output-dir": folder / "output",
        "checkpoint-dir": folder / "checkpoints",
        **({} if threads is None else {"threads": threads}),
    }
    run_measured([sys.executable, str(ROOT / "training" / "train.py"), *words(flags)])


def archive_of(model: Path, seed: int) -> bytes:
    """The model.tar.gz of the model folder, as if it had been trained from `seed`."""
    files = {
        path.relative_to(model).as_posix(): path.read_bytes() for path in model.rglob("*") if path.is_file()
    }
    files["metrics.json"] = json.dumps(json.loads(files["metrics.json"]) | {"seed": seed}).encode()
    document = json.loads(files.pop("model.json"))
    document["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    files["model.json"] = json.dumps(document).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _evaluate(
    references: Sequence[str], processed: Path, threads: int | None, folder: Path, url: str
) -> Evaluation:
    say(f"evaluate: {len(references)} trainings …")
    folder.mkdir()
    config = folder / "processingjobconfig.json"
    outputs = [
        {
            "OutputName": "evaluation",
            "S3Output": {"S3Uri": f"s3://{BUCKET}/executions/{folder.name}/evaluation", "LocalPath": "/"},
        }
    ]
    config.write_text(json.dumps({"ProcessingOutputConfig": {"Outputs": outputs}}))
    flags: dict[str, Any] = {
        "processed": processed,
        "output": folder / "evaluation",
        "min-accuracy": 0,
        "model-package-group": folder.name,
        "inference-image": "none",
        "job-config": config,
        "exit-message": folder / "message",
        "region": REGION,
        **({} if threads is None else {"threads": threads}),
    }
    candidates = [word for reference in references for word in ("--candidate", reference)]
    ended = run_measured(
        [sys.executable, str(ROOT / "processing" / "evaluate.py"), *words(flags), *candidates],
        AWS_ENDPOINT_URL=url,
        AWS_ACCESS_KEY_ID="bench",
        AWS_SECRET_ACCESS_KEY="bench",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    )
    files = sorted(path for path in (folder / "evaluation").iterdir() if path.name != "registration.json")
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return Evaluation(len(references), ended.seconds, ended.peak_memory, digests)


def evaluation_table(rows: Sequence[Evaluation]) -> str:
    """The rows as text."""
    lines = [f"{'Evaluate over':16}{'seconds':>10}{'peak MB':>10}{'ratio':>10}"]
    lines += [
        f"{f'{row.trainings} trainings':16}{row.seconds:10.1f}{row.peak_memory / 1e6:10.0f}"
        f"{row.peak_memory / rows[0].peak_memory:10.2f}"
        for row in rows
    ]
    return "\n".join(lines)


def evaluation_json(rows: Sequence[Evaluation]) -> list[dict[str, object]]:
    """The rows as JSON values."""
    return [asdict(row) for row in rows]
