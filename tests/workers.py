"""How `make test` shares the tests among processes: how many, and which tests stay together."""

from __future__ import annotations

import argparse
import gc
import random
from collections import defaultdict
from collections.abc import Generator, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import psutil
import pytest
from xdist.scheduler import LoadScopeScheduling

from pipeline.local.engine.cores import available_cores

# A process that has TensorFlow, a browser or a server, and the jobs that it runs meanwhile.
BYTES_A_WORKER = 3 * 2**30
# Folders and files that look at what they have in common: one worker has them all. What is dear to make is no
# reason: shared.py makes it once for all workers. An import of seconds is one.
TOGETHER = {
    "tests/pipeline/local/jobs/launchers/containers": "the engine of containers",
    "tests/sdk_local_mode": "the engine of containers",
    "tests/pipeline/definition/test_builder.py": "the SDK, imported",
    "tests/pipeline/definition/test_sdk_monitor.py": "the SDK, imported",
    "tests/pipeline/definition/test_sdk_once.py": "the SDK, imported",
    "tests/seams/test_evaluation_document.py": "an evaluation and the server that has its registry",
    "tests/seams/test_model_card.py": "an evaluation and the server that has its registry",
    "tests/seams/test_prediction.py": "an evaluation and the server that has its registry",
}
# What takes longest comes first: begun last, one worker would run it while the others have nothing left. About the
# seconds of a core, as `make test ARGS="--units 20"` tells them on an idle machine; only their order matters.
LONGEST = {
    "tests/bench/test_bench_training.py": 122,
    "tests/sdk_local_mode": 120,
    "tests/pipeline/targets/aws/test_flow.py": 86,
    "tests/e2e/test_resume.py": 71,
    "tests/training/test_fitting.py": 70,
    "tests/e2e/test_notebook.py": 70,
    "tests/training/test_train.py": 62,
    "tests/pipeline/local/jobs/launchers/containers": 60,
    "tests/rehearsal/test_life.py": 54,
    "tests/pipeline/report/test_report.py": 48,
    "tests/e2e/test_later_runs.py": 36,
    "tests/e2e/test_study.py": 34,
    "tests/pipeline/local/engine/test_crash_safety.py": 32,
    "tests/pipeline/local/endpoint/test_endpoints.py": 24,
    "tests/pipeline/tracking/test_publisher.py": 23,
    "tests/pipeline/local/engine/tuning/test_tuning_jobs.py": 22,
    "tests/pipeline/local/jobs/test_script_start.py": 22,
    "tests/pipeline/local/engine/test_injected_faults.py": 22,
    "tests/pipeline/local/jobs/test_layer.py": 22,
    "tests/pipeline/report/test_browser.py": 20,
    "tests/clients/test_aws_cli.py": 20,
    "tests/pipeline/inference/serving/test_serve.py": 18,
    "tests/pipeline/inference/serving/test_deploy_commands.py": 17,
    "tests/strangers/test_on_sagemaker.py": 16,
    "tests/pipeline/local/jobs/test_sdk_bundles.py": 16,
    "tests/pipeline/cli/test_set_up.py": 16,
    "tests/processing/test_evaluate.py": 16,
    "tests/e2e/test_tracking.py": 15,
    "tests/pipeline/inference/serving/test_server.py": 14,
    "tests/pipeline/targets/aws/test_refusals.py": 14,
    "tests/pipeline/local/jobs/transform/test_transform_job.py": 13,
    "tests/pipeline/local/engine/test_kept_objects.py": 13,
    "tests/e2e/test_loops_and_triggers.py": 12,
    "tests/pipeline/local/jobs/test_processing_job.py": 12,
    "tests/e2e/test_machine_options.py": 12,
    "tests/pipeline/local/jobs/test_several_hosts.py": 11,
    "tests/infra/test_generated_mutations.py": 11,
    "tests/pipeline/local/engine/test_start.py": 11,
    "tests/pipeline/targets/aws/test_odd_answers.py": 10,
    "tests/test_workers.py": 10,
    "tests/e2e/test_interruptions.py": 10,
    "tests/training/test_export.py": 10,
    "tests/pipeline/local/state/test_signatures.py": 10,
    "tests/pipeline/cli/test_entrance.py": 10,
}


def workers_for(files: int, most: int, free_bytes: int) -> int:
    """The processes, `most` of them, that run the tests of so many files; 0: this one does, and starts none."""
    workers = min(files, most, free_bytes // BYTES_A_WORKER)
    return workers if workers > 1 else 0


def files_of(arguments: Iterable[str]) -> set[Path]:
    """The files that the words of a command line name: folders, files, or tests in them."""
    found: set[Path] = set()
    for word in arguments:
        path = Path(word.partition("::")[0]).resolve()
        found |= set(path.rglob("test_*.py")) if path.is_dir() else {path}
    return found


def unit_of(nodeid: str) -> str:
    """What a test is given to a worker with: its file, or what TOGETHER says of the folder that it is in."""
    file = PurePosixPath(nodeid.partition("::")[0])
    return next((shared for folder, shared in TOGETHER.items() if file.is_relative_to(folder)), str(file))


def in_order(nodeids: Iterable[str], seed: int | None = None) -> list[str]:
    """Tests as they are run: the longest first; with a seed files, and tests in each, as chance has it."""
    files: dict[str, list[str]] = {}
    for nodeid in nodeids:
        files.setdefault(nodeid.partition("::")[0], []).append(nodeid)
    if seed is None:
        seconds = {file: _seconds(PurePosixPath(file)) for file in files}
        ordered = sorted(files, key=seconds.__getitem__, reverse=True)
        return [nodeid for file in ordered for nodeid in files[file]]
    chance = random.Random(seed)
    shuffled = chance.sample(list(files), len(files))
    return [nodeid for file in shuffled for nodeid in chance.sample(files[file], len(files[file]))]


def _seconds(file: PurePosixPath) -> float:
    return next((seconds for long, seconds in LONGEST.items() if file.is_relative_to(long)), 0)


def shard_of(nodeids: Iterable[str], shard: int, shards: int) -> set[str]:
    """The tests of one shard of several: every so-many-th of what is given to a worker at once."""
    nodeids = list(nodeids)
    place = {unit: at for at, unit in enumerate(dict.fromkeys(map(unit_of, nodeids)))}
    return {nodeid for nodeid in nodeids if place[unit_of(nodeid)] % shards == shard - 1}


def _shard(text: str) -> tuple[int, int]:
    shard, _, shards = text.partition("/")
    if not (shard.isdecimal() and shards.isdecimal() and 1 <= int(shard) <= int(shards)):
        raise argparse.ArgumentTypeError(f"must be as 1/3 (got {text})")
    return int(shard), int(shards)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--shuffle SEED`: no test may need another to have run first. `--shard 1/3`: for machines that share them.

    `--units 20`: what LONGEST is written from.
    """
    parser.addoption(
        "--shuffle", type=int, metavar="SEED", help="run files, and tests in each, in random order"
    )
    parser.addoption("--shard", type=_shard, metavar="I/N", help="run the I-th of N parts of the tests")
    parser.addoption("--units", type=int, metavar="N", help="tell the seconds of the N longest units")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let each worker read what is in a folder in an order of its own.

    So it compiles a share of the tests, and finds the others compiled.
    """
    report = yield
    worker: dict[str, Any] | None = getattr(collector.config, "workerinput", None)
    if worker and isinstance(collector, pytest.Dir):
        report.result = random.Random(worker["workerid"]).sample(report.result, len(report.result))
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every worker comes to the same order, and the same part."""
    items.sort(key=lambda item: item.nodeid.partition("::")[0])  # which a worker has read in another order
    order = in_order([item.nodeid for item in items], config.getoption("shuffle", None))
    place = {nodeid: at for at, nodeid in enumerate(order)}
    items.sort(key=lambda item: place[item.nodeid])
    if shard := config.getoption("shard", None):
        chosen = shard_of(order, *shard)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in chosen])
        items[:] = [item for item in items if item.nodeid in chosen]


def pytest_collection_finish() -> None:
    """What thousands of tests are made of is there to stay: no collection of garbage looks through it again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What took longest, of what a worker is given at once."""
    if not (most := config.getoption("units", None)):
        return
    seconds: defaultdict[str, float] = defaultdict(float)
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        if isinstance(report, pytest.TestReport):
            seconds[unit_of(report.nodeid)] += report.duration
    terminalreporter.section("seconds of the longest units")
    for unit in sorted(seconds, key=seconds.__getitem__, reverse=True)[:most]:
        terminalreporter.write_line(f"{seconds[unit]:8.1f} {unit}")


class FileByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a worker one file after another, in their order: a module's fixtures are made once."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two for each core, as far as memory goes; none for a single file.

    Tests wait half of their time: for processes that they have started, and for what happens after a while.
    """
    most = available_cores() * 2
    return workers_for(len(files_of(config.args)), most, psutil.virtual_memory().available)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FileByFile | None:
    """Takes the place of xdist's own for `--dist loadfile`."""
    if config.option.dist != "loadfile":
        return None
    config.option.loadscopereorder = False
    return FileByFile(config, log)
