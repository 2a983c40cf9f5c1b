"""`study`: every candidate of the kernel experiment under several seeds, in one execution, and the tables of it.

It is resumed by giving the same command again: finished trainings are reused, an interrupted one goes on from its
last checkpoint.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.commands.choices import check_tracking, name_champion, read_programs
from pipeline.cli.commands.compile_options import graph_choices
from pipeline.cli.commands.following import follow
from pipeline.cli.output_file import check_writable
from pipeline.console import say
from pipeline.definition.candidates import DEFAULT_CANDIDATES, STUDY_CANDIDATES
from pipeline.definition.parameters import Value, parse_parameters
from pipeline.definition.settings import PROJECT
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.execution import ExecutionRecord, Observer
    from pipeline.local.jobs.interpreter import Interpreter
    from pipeline.local.state.state_dir import Home
    from pipeline.local.state.store import Store
    from pipeline.study.estimate import Estimate
    from pipeline.targets.local import LocalTarget

# Limits of a job; those of an ordinary run are an hour or less.
TRAINING_SECONDS, EVALUATION_SECONDS = 86_400, 14_400


def main(args: argparse.Namespace) -> int:
    """Says what to expect, runs, writes the tables; returns the exit status, as `run` does."""
    from pipeline.local.state.state_dir import home_from
    from pipeline.study.place import prepare_folder

    check_tracking(args)
    args.environ = dict(os.environ)
    if args.result is not None:
        check_writable(args.result)
    home = home_from(os.environ)
    out = args.out if args.out is not None else home.root / "study"
    check_result(args, out)
    if not args.estimate:
        prepare_folder(out, force=args.force)
    choose_arms(args)
    graph = graph_choices(args)
    given = parse_parameters(args.param)
    if args.tables is not None:
        return write_earlier(args, home, out)
    if "InputDataUri" in given:
        raise UsageError(
            "A study reads its data from a folder of this machine, not from --param InputDataUri=…. Name "
            "the folder with --data DIR."
        )
    if args.parallel is not None and args.parallel < 1:
        raise UsageError(f"--parallel {args.parallel}: at least one training must be allowed to run.")
    stand_ins, python = read_programs(args)

    from pipeline.dataset.choice import find_dataset
    from pipeline.local.engine.cores import available_cores
    from pipeline.local.state.isolation import isolate

    parallel = args.parallel or available_cores()
    isolate(os.environ)
    variable = os.environ.get("FASHION_DATA")
    named = args.data or (Path(variable) if variable else None)
    folder = find_dataset(named, home.root / "data", any_data=args.any_data)
    say(f"Data set: {folder}")

    from pipeline.spec.validation import check_definition
    from pipeline.targets.local import Choices, local_settings_for, open_local

    settings = dataclasses.replace(
        local_settings_for(graph),
        training_max_runtime_seconds=TRAINING_SECONDS,
        processing_max_runtime_seconds=EVALUATION_SECONDS,
    )
    with open_local(home, say) as target:
        text = target.compile(settings)
        values: dict[str, Value] = {**given, "InputDataUri": target.upload_data(settings, folder)}
        name_champion(target, settings, values, given)
        check_definition(json.loads(text), values)
        for line in expect(target, text, values, folder, parallel, python).lines():
            say(line)
        if stand_ins:
            say(
                "That is the time of this project's own programs; what --stand-in runs may take more or less."
            )
        if args.estimate:
            return 0
        ended: list[ExecutionRecord] = []

        def run(view: Observer, stop: threading.Event) -> ExecutionRecord:
            choices = Choices(parallel, launcher=args.launcher, stand_ins=stand_ins, python=python)
            record = target.run(text, values, view, stop, choices)
            ended.append(record)
            return record

        status = follow(args, target, run)
        with_tables = report_tables(home, target.store, ended[0], out)
    if not with_tables:
        say(
            "\nThe study is not finished, and what is done is kept. Go on with the same command: finished "
            "trainings are reused, and an interrupted one goes on from its last checkpoint."
        )
    return status


def check_result(args: argparse.Namespace, out: Path) -> None:
    """Raises UsageError for a --result that would not be written, or be lost among the tables in `out`."""
    if args.result is None:
        return
    if args.estimate or args.tables is not None:
        flag = "--estimate" if args.estimate else "--tables"
        raise UsageError(
            f"--result {args.result}: {flag} runs nothing that has a result. Leave --result out."
        )
    if args.result.resolve().is_relative_to(out.resolve()):
        raise UsageError(
            f"--result {args.result}: the study's tables go to that folder. Name a file outside {out}."
        )


def choose_arms(args: argparse.Namespace) -> None:
    """Fills in `args.candidates` and the number of instances, which is always one.

    With searches, each of which is many trainings, only what the case study's claims are about.
    """
    args.instances = 1
    if args.candidates is None:
        args.candidates = ",".join(STUDY_CANDIDATES if args.tune is None else DEFAULT_CANDIDATES)
    if args.more is not None:
        args.candidates += f",{args.more}"


def expect(
    target: LocalTarget,
    text: str,
    values: dict[str, Value],
    data: Path,
    parallel: int,
    python: Interpreter | None = None,
) -> Estimate:
    """The time that the study will take: from earlier executions' paces with the same Python, else from a short
    measurement."""
    from pipeline.local.engine.cores import available_cores
    from pipeline.study.estimate import estimate
    from pipeline.study.pace import Pace, earlier_pace
    from pipeline.study.pace_measurement import calibration
    from pipeline.study.trainings import trainings_done, trainings_of

    records = [each for each in target.store.executions() if each.pipeline_name == PROJECT]
    program = None if python is None else str(python.executable)
    same_data = [
        each
        for each in records
        if each.parameters.get("InputDataUri") == values["InputDataUri"] and each.python == program
    ]
    known = [done for _, _, done in trainings_done(same_data)]
    trainings = trainings_of(text, values)
    done = frozenset(each.step for each in trainings if any(map(each.is_done_by, known)))
    images = shown_images(data)
    paces: dict[str, Pace] = {}
    threads = max(1, available_cores() // parallel)
    with calibration(target.home, data, parallel, threads, program or sys.executable) as measuring:
        for training in trainings:
            if training.candidate in paces or training.step in done:
                continue
            pace = earlier_pace(training, same_data, parallel, images)
            if pace is None:
                say(f"Measuring how fast {training.candidate} trains here …")
                pace = measuring.measure(training.hyperparameters)
            paces[training.candidate] = pace
    return estimate(trainings, done, paces, images, parallel)


def shown_images(data: Path) -> int:
    """How many images an epoch goes through. One in twelve is only measured, which is counted alike.

    Read from the header of the training images' IDX file.
    """
    from pipeline.dataset.check import idx_files, opened

    with opened(idx_files(data)[0]) as stream:
        return max(1, int.from_bytes(stream.read(8)[4:]))


def write_earlier(args: argparse.Namespace, home: Home, out: Path) -> int:
    """`--tables ID`: writes the tables of an earlier execution and runs nothing; returns the exit status."""
    from pipeline.local.state.history import read_execution
    from pipeline.local.state.store import Store

    with Store(home) as store:
        record = read_execution(home, store, args.tables)
        if not report_tables(home, store, record, out):
            raise UsageError(
                f"Execution {record.execution_id} has no evaluation to make tables of: it is {record.status}. "
                f"See: python -m pipeline show {record.execution_id}"
            )
    return 0


def report_tables(home: Home, store: Store, record: ExecutionRecord, out: Path) -> bool:
    """Writes the tables if the execution has an evaluation, and says where they are; returns whether it has."""
    from pipeline.report.outcome import require_results
    from pipeline.study.origin import commit_of, describe_machine, describe_versions
    from pipeline.study.tables import Origin, study_document, write_tables
    from pipeline.targets.local_outcome import read_outcome

    outcome = read_outcome(home, store, record)
    require_results(record, outcome)
    if outcome.evaluation is None:
        return False
    origin = Origin(describe_machine(), describe_versions(), commit_of(record))
    paths = write_tables(out, study_document(record, outcome.evaluation, outcome.predictions, origin))
    print(f"Tables: {', '.join(str(path) for path in paths)}")
    return True
