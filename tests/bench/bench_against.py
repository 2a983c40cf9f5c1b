"""`make bench-against REV=…`: how long commands take here, and in another revision of this project, run in turn.

    PYTHONPATH=. python tests/bench/bench_against.py REV [--pairs 5] [--only WHAT …] [--json FILE]

The revision is checked out beside, and runs with the same Python and packages. A command of the one and of the
other follow each other (A B A B …): what else this machine does meets both. The table has the medians, and that of
the pairs' ratios: below 1 it is faster here. "CPU" is that of the command and all that it waited for.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench_graph import compiled, diamonds
from measured_process import end_with
from pipeline.cli.output_file import check_writable
from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.local.state.local_aws import LocalAws

ROOT = Path(__file__).resolve().parents[2]
STEPS = 20
# A training of some seconds on made-up images.
RUN = (
    "run", "--plain", "--any-data", "--candidates", "baseline",
    "--param", "Epochs=1", "--param", "BatchSize=64", "--param", "MinAccuracy=0.05",
)  # fmt: skip
IMAGES = {"train": 3000, "t10k": 600}


@dataclass(frozen=True)
class Side:
    """A checkout, and the state folder that its commands have."""

    root: Path
    home: Path

    def run(self, *words: str, home: Path | None = None) -> tuple[float, float]:
        """Seconds and seconds of CPU that a command takes.

        Raises:
            RuntimeError: it failed.
        """
        # With compiled modules, as users have them.
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        before, began = _cpu(), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *words],
            cwd=self.root,
            env=environ | {"FASHION_HOME": str(home or self.home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        seconds = time.perf_counter() - began
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)} in {self.root} failed: {done.stderr[-1000:]}")
        return seconds, _cpu() - before


@dataclass(frozen=True)
class Compared:
    """A row: medians of seconds there and here, and medians of the pairs' ratios (here / there)."""

    what: str
    there: float
    here: float
    ratio: float
    cpu_ratio: float


def main(args: argparse.Namespace) -> int:
    """Measure, print the table, write the JSON file."""
    if args.json is not None:
        check_writable(args.json)
    with (
        tempfile.TemporaryDirectory(prefix="bench-against-") as name,
        checked_out(args.revision, Path(name)) as there,
    ):
        folder = Path(name)
        sides = [Side(there, folder / "there"), Side(ROOT, folder / "here")]
        say(f"{args.revision} beside this checkout, {args.pairs} pairs, on {os.cpu_count()} cores …")
        rows = []
        for what, command in commands(folder, sides, args.only).items():
            rows.append(compare(what, command, sides, args.pairs))
            say(f"{what}: {rows[-1].ratio:.2f}")
    print(table(args.revision, rows))
    print(
        f"\nLoad of this machine during the last 15 minutes: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores."
    )
    if args.json is not None:
        figures = {"revision": args.revision, "pairs": args.pairs, "load": os.getloadavg()[2]}
        args.json.write_text(json.dumps(figures | {"rows": [asdict(row) for row in rows]}, indent=2) + "\n")
    return 0


QUICK = ("no-op", "rerun", "show", "executions", "registry", "predict")
# On the real data set, minutes each.
RUNS = {
    "default": ("the default run", ()),
    "cnn-3x3": ("a run of cnn-3x3, 4 epochs", ("--candidates", "cnn-3x3", "--param", "Epochs=4")),
    "cnn-5x5": ("a run of cnn-5x5, 4 epochs", ("--candidates", "cnn-5x5", "--param", "Epochs=4")),
}
WHATS = (*QUICK, *RUNS)
Command = Callable[[Side], tuple[float, float]]


def commands(folder: Path, sides: Sequence[Side], only: Sequence[str]) -> Mapping[str, Command]:
    """What is measured, by its name in the table; each side's state folder has what it needs."""
    definition = folder / "definition.json"
    definition.write_text(compiled(diamonds(STEPS), bucket=LocalAws.BUCKET, passing=False))
    image, data = folder / "image.png", folder / "data"
    if {"rerun", "predict"} & set(only):
        made_up_data(data)
        Image.fromarray(np.zeros((28, 28), np.uint8)).save(image)
        for side in sides:
            say(f"Training once in {side.root} …")
            side.run(*RUN, "--data", str(data))
            side.run("registry", "approve", "1")
            # The first run has no champion, later ones have it.
            side.run(*RUN, "--data", str(data))
    elif {"show", "executions", "registry"} & set(only):
        for side in sides:
            side.run("run", "--plain", "--definition", str(definition))

    def in_a_fresh_folder(*words: str) -> Command:
        def command(side: Side) -> tuple[float, float]:
            with tempfile.TemporaryDirectory(dir=folder) as home:
                return side.run("run", "--plain", *words, home=Path(home, "home"))

        return command

    every: dict[str, tuple[str, Command]] = {
        "no-op": (f"{STEPS} steps that do nothing", in_a_fresh_folder("--definition", str(definition))),
        "rerun": ("the pipeline again, unchanged", lambda side: side.run(*RUN, "--data", str(data))),
        "show": ("show", lambda side: side.run("show")),
        "executions": ("executions", lambda side: side.run("executions")),
        "registry": ("registry list", lambda side: side.run("registry", "list")),
        "predict": ("predict", lambda side: side.run("predict", str(image))),
        **{name: (what, in_a_fresh_folder(*words)) for name, (what, words) in RUNS.items()},
    }
    return dict(every[name] for name in WHATS if name in only)


def compare(what: str, command: Command, sides: Sequence[Side], pairs: int) -> Compared:
    """Run the command in both checkouts in turn; one of seconds after once in each that is not counted."""
    there, here = sides
    if what not in [long for long, _ in RUNS.values()]:
        for side in sides:
            command(side)
    measured = [(command(there), command(here)) for _ in range(pairs)]
    return Compared(
        what,
        statistics.median(one[0] for one, _ in measured),
        statistics.median(other[0] for _, other in measured),
        statistics.median(other[0] / one[0] for one, other in measured),
        statistics.median(other[1] / one[1] for one, other in measured),
    )


def table(revision: str, rows: Sequence[Compared]) -> str:
    """The rows as text."""
    lines = [f"{'':32} {revision[:12]:>12} {'here':>8} {'ratio':>6} {'CPU':>6}"]
    lines += [
        f"{row.what:32} {row.there:10.2f} s {row.here:6.2f} s {row.ratio:6.2f} {row.cpu_ratio:6.2f}"
        for row in rows
    ]
    return "\n".join(lines)


@contextmanager
def checked_out(revision: str, folder: Path) -> Iterator[Path]:
    """A worktree of the revision below `folder`, while the block lasts.

    Raises:
        UsageError: there is no such revision.
    """
    there = folder / "revision"
    git = ["git", "-C", str(ROOT)]
    made = subprocess.run(
        [*git, "worktree", "add", "--detach", "--quiet", str(there), revision],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise UsageError(
            f"Could not check out {revision}: {made.stderr.strip()}. Name a commit, a tag or a branch."
        )
    try:
        yield there
    finally:
        # Also after half of it: git forgets a worktree that is gone.
        shutil.rmtree(there, ignore_errors=True)
        subprocess.run([*git, "worktree", "prune"], check=False)


def made_up_data(folder: Path) -> None:
    """The four IDX files, with noise in which two rows, others for each class, are bright."""
    folder.mkdir()
    for seed, (part, count) in enumerate(IMAGES.items()):
        random = np.random.default_rng(seed)
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = random.integers(0, 100, (count, 28, 28), dtype=np.uint8)
        for row in range(2):
            images[np.arange(count), 2 * labels.astype(int) + row] += 155
        for name, values in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
            file = folder / f"{part}-{name}-ubyte.gz"
            file.write_bytes(gzip.compress(header + values.tobytes(), 1, mtime=0))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def parse_args(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="bench_against", description="Commands here and in another revision."
    )
    parser.add_argument("revision", metavar="REV", help="a commit, a tag or a branch")
    parser.add_argument(
        "--pairs", type=int, default=5, metavar="N", help="runs of each (default: %(default)s)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=WHATS,
        default=QUICK,
        help=f"measure these (default: all but {', '.join(RUNS)})",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    args = parser.parse_args(argv)
    if args.pairs < 1:
        parser.error(f"--pairs must be at least 1 (got {args.pairs})")
    return args


if __name__ == "__main__":
    end_with(lambda: main(parse_args(sys.argv[1:])))
