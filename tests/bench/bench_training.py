"""`make bench`: this project's training and pipeline, beside what a user would write instead, measured in one run.

    PYTHONPATH=. python tests/bench/bench_training.py [--only speed accuracy pipeline] [--threads N] [--json FILE]

All of it takes about an hour on two cores; `--only speed` some minutes. Nothing else should run meanwhile: the
output says how busy the machine was.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench_accuracy import Race, first, measure_race, race_json, race_table
from bench_evaluate import TRAININGS, Evaluation, evaluation_json, evaluation_table, measure_evaluation
from bench_pipeline import PipelineRun, measure_pipeline, pipeline_json, pipeline_table
from bench_speed import Speed, measure_speed, speed_json, speed_table
from measured_process import end_with
from normalized_data import idx_folder, normalized
from pipeline.cli.output_file import check_writable
from pipeline.console import say
from pipeline.definition.candidates import DEFAULT_CANDIDATES
from pipeline.study.origin import describe_machine, describe_versions, git_commit

PARTS = ("speed", "accuracy", "evaluate", "pipeline")
# What this project wants to reach on two cores; told beside the figures, never a reason to fail.
LEAST_SHARE, MOST_RATIO, MOST_GROWTH, RACER = 0.60, 0.50, 1.10, "cnn-3x3"


def parse_args(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="bench_training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS)
    )
    parser.add_argument(
        "--candidates",
        default=",".join(DEFAULT_CANDIDATES),
        metavar="A,B,…",
        help="of speed, evaluate and pipeline (%(default)s)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: all cores)")
    parser.add_argument(
        "--at-once", type=int, default=1, metavar="N",
        help="trainings that speed runs at once and adds up, each with its share of the threads (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--sgemm-seconds", type=float, default=0.7, metavar="X", help="of sgemm, each size (%(default)s)"
    )
    parser.add_argument(
        "--epochs", type=int, default=2, metavar="N", help="of speed; one is left out (%(default)s)"
    )
    parser.add_argument(
        "--trainings", type=int, nargs="+", default=TRAININGS, metavar="N", help="of evaluate (3 25)"
    )
    parser.add_argument(
        "--racers", default=RACER, metavar="A,B,…", help="candidates of accuracy (%(default)s)"
    )
    parser.add_argument(
        "--targets",
        type=float,
        nargs="+",
        default=(0.91, 0.93),
        metavar="X",
        help="accuracies, 0..1 (0.91 0.93)",
    )
    parser.add_argument(
        "--schedules", type=int, nargs="+", default=(1, 2, 3, 4, 6, 8, 12), metavar="N",
        help="epochs that train.py is tried with (1 2 3 4 6 8 12)",
    )  # fmt: skip
    parser.add_argument(
        "--plain-epochs", type=int, default=12, metavar="N", help="epochs of plain fit at most; 0: none (12)"
    )
    parser.add_argument(
        "--flag", action="append", default=[], metavar="NAME=VALUE", help="a flag of train.py, for accuracy"
    )
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="of the pipeline's run"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="any four IDX files (default: Fashion-MNIST)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    args = parser.parse_args(argv)
    if args.threads is not None and args.threads < 1:
        parser.error(f"--threads must be at least 1, not {args.threads}")
    cores = args.threads or os.cpu_count() or 1
    if not 1 <= args.at_once <= cores:
        parser.error(f"--at-once must be from 1 to {cores}, the number of threads, not {args.at_once}")
    if min(args.trainings) < 1:
        parser.error(f"--trainings must be at least 1 each, not {min(args.trainings)}")
    if args.epochs < 1 or min(args.schedules) < 1 or args.plain_epochs < 0:
        parser.error("--epochs, --schedules and --plain-epochs: expected numbers of epochs")
    return args


def main(args: argparse.Namespace) -> int:
    """Measure, print a table as soon as each part is done, write the JSON file."""
    if args.json is not None:
        check_writable(args.json, own=frozenset({"machine"}))
    more = dict(flag.partition("=")[::2] for flag in args.flag)
    document: dict[str, Any] = {
        "machine": describe_machine(),
        "versions": describe_versions(),
        "git": git_commit(),
        "threads": args.threads or os.cpu_count(),
        "at_once": args.at_once,
        "load_before": os.getloadavg()[0],
    }
    data = idx_folder(args.data)
    say(
        f"{document['machine']['processor']}, {document['threads']} threads, {args.at_once} at once, "
        f"load {document['load_before']:.1f}"
    )
    with normalized(data) as processed:
        if "speed" in args.only:
            speeds = [
                measure_speed(name, processed, args.threads, args.epochs, args.at_once, args.sgemm_seconds)
                for name in args.candidates.split(",")
            ]
            document["speed"] = speed_json(speeds)
            print(f"\n{speed_table(speeds)}\n{judge_speed(speeds)}", flush=True)
        if "accuracy" in args.only:
            races = [
                measure_race(
                    name, processed, data, args.threads, args.targets, args.schedules, args.plain_epochs, more
                )
                for name in args.racers.split(",")
            ]  # fmt: skip
            document["accuracy"] = race_json(races)
            print(f"\n{race_table(races)}\n{judge_races(races)}", flush=True)
        if "evaluate" in args.only:
            evaluations = measure_evaluation(
                args.candidates.split(","), processed, args.threads, args.trainings
            )
            document["evaluate"] = evaluation_json(evaluations)
            print(f"\n{evaluation_table(evaluations)}\n{judge_evaluations(evaluations)}", flush=True)
    if "pipeline" in args.only:
        runs = measure_pipeline(data, args.data is not None, args.candidates, args.param)
        document["pipeline"] = pipeline_json(runs)
        print(f"\n{pipeline_table(runs)}\n{judge_pipeline(runs)}", flush=True)
    document["load_after"] = os.getloadavg()[0]
    print(
        f"\nLoad of this machine: at the start {document['load_before']:.1f}, at the end "
        f"{document['load_after']:.1f}."
    )
    if args.json is not None:
        args.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def judge_speed(rows: Sequence[Speed]) -> str:
    """Which convolutional candidates reach the wanted share of sgemm."""
    told = []
    for row in rows:
        share = row.share(row.images_per_second)
        if row.candidate.startswith("cnn") and share is not None:
            told.append(f"{row.candidate} {'reaches' if share >= LEAST_SHARE else 'DOES NOT REACH'}")
    return f"{LEAST_SHARE:.0%} of sgemm: {', '.join(told) or 'not known'}."


def judge_races(races: Sequence[Race]) -> str:
    """Whether the lowest target takes at most half of plain fit's seconds."""
    told = []
    for race in races:
        target = min(race.targets)
        ours, plain = first(race.ours, target), first(race.plain, target)
        if ours and plain:
            met = ours.seconds <= MOST_RATIO * plain.seconds
            told.append(f"{race.candidate} {'within' if met else 'NOT WITHIN'}")
    return f"{MOST_RATIO:.0%} of plain fit's seconds: {', '.join(told) or 'not known'}."


def judge_evaluations(rows: Sequence[Evaluation]) -> str:
    """Whether many trainings take hardly more memory than few."""
    growth = rows[-1].peak_memory / rows[0].peak_memory
    return f"At most {MOST_GROWTH - 1:.0%} more memory: {'met' if growth <= MOST_GROWTH else 'NOT MET'}."


def judge_pipeline(runs: Sequence[PipelineRun]) -> str:
    """How much quicker the second run is."""
    return f"With everything cached: {runs[0].seconds / runs[1].seconds:.0f} times as quick."


if __name__ == "__main__":
    end_with(lambda: main(parse_args(sys.argv[1:])))
