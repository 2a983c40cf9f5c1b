"""`make bench-gpu`: how fast train.py trains cnn-3x3 on this machine's GPU, by batch size, and seconds to 93 %.

    PYTHONPATH=. python tests/bench/bench_gpu.py [--batch-sizes 512 1024 2048] [--json FILE]

Some minutes. Needs a GPU that TensorFlow sees: where requirements.lock has tensorflow-cpu, install tensorflow with
its CUDA libraries in its place (python -m pip install 'tensorflow[and-cuda]==2.21.0').
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench_accuracy import Race, Reached, race_json
from measured_process import end_with
from normalized_data import idx_folder, normalized
from pipeline.cli.output_file import check_writable
from pipeline.console import say
from pipeline.study.origin import describe_machine, describe_versions, git_commit
from trained import Trained, plain_fit, train

# The recipe's batch size and learning rate, from which those of larger batches follow.
BATCH_SIZE, LEARNING_RATE = 128, 0.006
WANTED_IMAGES_PER_SECOND, WANTED_SECONDS = 1_000_000, 2.0
_DEVICES = (
    "import sys; sys.modules['keras'] = None; import tensorflow as tf; "
    "found = tf.config.list_physical_devices('GPU'); "
    "details = [tf.config.experimental.get_device_details(each) for each in found]; "
    "print('gpu=' + (details[0].get('device_name', 'unnamed') if found else ''))"
)


@dataclass(frozen=True)
class GpuSpeed:
    """Training with one batch size. `compile_seconds`: how much longer the first epoch took than the others."""

    batch_size: int
    learning_rate: float
    images_per_second: float
    epochs_images_per_second: tuple[float, ...]
    compile_seconds: float
    peak_memory: int


def parse_args(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="bench_gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--candidate", default="cnn-3x3", help="%(default)s")
    add("--batch-sizes", type=int, nargs="+", default=(512, 1024, 2048), metavar="N", help="512 1024 2048")
    add("--epochs", type=int, default=10, metavar="N", help="of each batch size, for speed (%(default)s)")
    add(
        "--schedules",
        type=int,
        nargs="+",
        default=(6, 9, 13, 20, 30),
        metavar="N",
        help="epochs tried for accuracy",
    )
    add("--target", type=float, default=0.93, metavar="X", help="test accuracy, 0..1 (%(default)s)")
    add(
        "--learning-rate",
        type=float,
        metavar="X",
        help="of all batch sizes (default: grows with their square root)",
    )
    add("--without-plain", action="store_true", help="leave plain model.fit out (a minute)")
    add("--any-device", action="store_true", help="go on without a GPU, to try the script")
    add("--data", type=Path, metavar="DIR", help="any four IDX files (default: Fashion-MNIST)")
    add("--json", type=Path, metavar="FILE", help="write the figures")
    args = parser.parse_args(argv)
    if args.epochs < 2 or min(args.batch_sizes) < 1 or min(args.schedules) < 2:
        parser.error("expected batch sizes of at least 1, and at least 2 epochs: the first one compiles")
    return args


def main(args: argparse.Namespace) -> int:
    """Measure, print, write the JSON file; returns the exit status."""
    if args.json is not None:
        check_writable(args.json, own=frozenset({"machine"}))
    gpu = find_gpu()
    if gpu is None and not args.any_device:
        print(
            "TensorFlow sees no GPU. If this machine has one, see "
            "nvidia-smi, and install TensorFlow with its CUDA libraries: "
            "python -m pip install 'tensorflow[and-cuda]==2.21.0'. `make bench` measures on the CPU.",
            file=sys.stderr,
        )
        return 1
    say(f"{gpu or 'no GPU'} …")
    data = idx_folder(args.data)
    with normalized(data) as processed:
        speeds = [measure(args, processed, size) for size in args.batch_sizes]
        plain = None if args.without_plain else plain_fit(args.candidate, processed, None, 3)
        print(speed_table(speeds, plain), flush=True)
        best = max(speeds, key=lambda speed: speed.images_per_second)
        reached = race(args, processed, data, best)
    target = next((each for each in reached if each.accuracy >= args.target), None)
    seconds = (
        "not reached" if target is None else f"{target.seconds:.2f} s of training, {target.epochs} epochs"
    )
    print(f"{args.target:.1%} test accuracy, batch size {best.batch_size}, after compiling: {seconds}.")
    print(
        "Reached by epochs: "
        + ", ".join(f"{one.epochs}: {one.accuracy:.2%} in {one.seconds:.2f} s" for one in reached)
    )
    print(
        f"Wanted on one H100: {WANTED_IMAGES_PER_SECOND:,} images/s, the accuracy in {WANTED_SECONDS:g} s "
        f"after compiling. Here: {best.images_per_second:,.0f} images/s."
    )
    if args.json is not None:
        document = {
            "gpu": gpu,
            "machine": describe_machine(),
            "versions": describe_versions(),
            "git": git_commit(),
            "candidate": args.candidate,
            "speed": [asdict(speed) for speed in speeds],
            "plain_images_per_second": None if plain is None else plain.steady_images_per_second,
            "accuracy": race_json([Race(args.candidate, (args.target,), tuple(reached), ())]),
        }
        args.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def find_gpu() -> str | None:
    """The name of the first GPU that TensorFlow sees; None without one."""
    done = subprocess.run([sys.executable, "-c", _DEVICES], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("gpu="):
            return line.removeprefix("gpu=") or None
    raise RuntimeError(
        f"asking TensorFlow for its devices ended with status {done.returncode}:\n{done.stderr[-2000:]}"
    )


def rate_for(args: argparse.Namespace, batch_size: int) -> float:
    """The learning rate for a batch size: the recipe's, times the square root of how much larger the batch is."""
    if args.learning_rate is not None:
        return float(args.learning_rate)
    return float(LEARNING_RATE * (batch_size / BATCH_SIZE) ** 0.5)


def flags(args: argparse.Namespace, batch_size: int, epochs: int) -> dict[str, str]:
    """Flags of train.py."""
    return {
        "batch-size": str(batch_size),
        "learning-rate": f"{rate_for(args, batch_size):.6g}",
        "epochs": str(epochs),
    }


def measure(args: argparse.Namespace, processed: Path, batch_size: int) -> GpuSpeed:
    """Train with one batch size; the first epoch, which compiles, is told apart."""
    say(f"batch size {batch_size} …")
    one = train(args.candidate, processed, None, flags(args, batch_size, args.epochs))
    return GpuSpeed(
        batch_size=batch_size,
        learning_rate=rate_for(args, batch_size),
        images_per_second=one.steady_images_per_second,
        epochs_images_per_second=tuple(one.images / seconds for seconds in one.epoch_seconds),
        compile_seconds=compile_seconds(one),
        peak_memory=one.peak_memory,
    )


def compile_seconds(one: Trained) -> float:
    """How much longer the first epoch took than the median of the others."""
    return one.epoch_seconds[0] - one.images / one.steady_images_per_second


def race(args: argparse.Namespace, processed: Path, data: Path, best: GpuSpeed) -> list[Reached]:
    """Train in ever longer schedules until one ends at the target; their seconds are without compiling."""
    reached = []
    for epochs in sorted(args.schedules):
        say(f"accuracy: {epochs} epochs …")
        one = train(args.candidate, processed, None, flags(args, best.batch_size, epochs), data)
        reached.append(Reached(epochs, one.train_seconds - compile_seconds(one), one.accuracies[0]))
        if reached[-1].accuracy >= args.target:
            break
    return reached


def speed_table(speeds: Sequence[GpuSpeed], plain: Trained | None) -> str:
    """The speeds as text."""
    lines = [f"{'batch size':>10} {'images/s':>12} {'slowest':>12} {'fastest':>12} {'compiling s':>12}"]
    for speed in speeds:
        steady = speed.epochs_images_per_second[1:]
        lines.append(
            f"{speed.batch_size:10} {speed.images_per_second:12,.0f} {min(steady):12,.0f} {max(steady):12,.0f} "
            f"{speed.compile_seconds:12.1f}"
        )
    lines.append("The median, slowest and fastest epoch but for the first.")
    if plain is not None:
        lines.append(f"Plain model.fit, batch size 64: {plain.steady_images_per_second:,.0f} images/s.")
    return "\n".join(lines)


if __name__ == "__main__":
    end_with(lambda: main(parse_args(sys.argv[1:])))
