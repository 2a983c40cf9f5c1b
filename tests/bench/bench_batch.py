"""How fast `batch` scores, beside the SavedModel called directly in large batches; run by hand (make bench-batch).

    FASHION_HOME=DIR python tests/bench/bench_batch.py [--images N] [--rounds N] [--model V] [--memory]

The state folder DIR must have a registered model. Images are the test images, again and again, as rows of an IDX
file. Each round scores a few images, then N, then N directly: what starting takes cancels out. A second is one of
the whole command; where others use the machine, CPU seconds say more.

With --memory, N images and 10,000 are scored once, and the peaks of all the command's processes together compared.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

FEW, TESTED = 2_000, 10_000
_LOOK_SECONDS = 0.2

DIRECT = """
import os, sys, time
import numpy as np
from pipeline.console import say
from pipeline.local.state.state_dir import home_from
from pipeline.inference.predicting.choice import loaded_model
from pipeline.inference.predicting.sources import open_models
home = home_from(os.environ)
with open_models("local", home, None) as models:
    model = loaded_model(models, int(sys.argv[2]) if sys.argv[2] else None, home, say).saved_model
pixels = np.memmap(sys.argv[1], np.uint8, "r", 16).reshape(-1, 28, 28)
model.call("serving_default", {"images": pixels[:1000]})
began, cpu = time.perf_counter(), time.process_time()
for start in range(0, len(pixels), 1000):
    model.call("serving_default", {"images": np.ascontiguousarray(pixels[start : start + 1000])})
print(time.perf_counter() - began, time.process_time() - cpu)
"""


@dataclass(frozen=True)
class Spent:
    """What a command printed, its seconds, CPU seconds with those of its children, and its peak in MiB.

    The peak is that of all its processes together, looked at five times a second (Linux; else 0).
    """

    said: str
    seconds: float
    cpu: float
    peak: int


def spent(*command: str) -> Spent:
    """Run a command of this Python's."""
    before, began, peak = os.times(), time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([sys.executable, *command], stdout=said, stderr=subprocess.STDOUT)
        while process.poll() is None:
            peak = max(peak, sum(map(resident, family(process.pid))))
            time.sleep(_LOOK_SECONDS)
        seconds, after = time.perf_counter() - began, os.times()
        said.seek(0)
        text = said.read()
    if process.returncode:
        raise SystemExit(text)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Spent(text, seconds, cpu, peak >> 20)


def family(pid: int) -> Iterator[int]:
    """A process and all that it started, as far as they are there (Linux)."""
    yield pid
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = tasks.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from family(int(child))


def resident(pid: int) -> int:
    """How many bytes of memory a process has (Linux)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def tested() -> bytes:
    """The pixels of the test images; random ones where there is no data set."""
    from pipeline.dataset.choice import find_dataset
    from pipeline.errors import FashionError
    from pipeline.inference.predicting.idx_rows import iter_rows
    from pipeline.local.state.state_dir import home_from

    try:
        (file,) = find_dataset(None, home_from(os.environ).root / "data").glob("t10k-images*")
    except (FashionError, ValueError):
        return np.random.default_rng(0).integers(0, 256, (TESTED, 28, 28), np.uint8).tobytes()
    return b"".join(row.tobytes() for row in iter_rows(file, file.name))


def write_idx(path: Path, count: int, pixels: bytes) -> str:
    """So many images, the given ones again and again; returns the file's name."""
    size = 28 * 28
    with path.open("wb") as file:
        file.write(struct.pack(">4I", 0x803, count, 28, 28))
        for start in range(0, count, TESTED):
            file.write(pixels[: min(TESTED, count - start) * size])
    return str(path)


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="")
    parser.add_argument("--memory", action="store_true")
    args = parser.parse_args()
    version = ["--model", args.model] if args.model else []
    with tempfile.TemporaryDirectory() as folder:
        outputs = itertools.count()

        def batch(file: str) -> Spent:
            return spent(
                "-m", "pipeline", "batch", file, f"{folder}/scored-{next(outputs)}", "--plain", *version
            )

        pixels = tested()
        many = write_idx(Path(folder, "many.idx3"), args.images, pixels)
        few = write_idx(Path(folder, "few.idx3"), TESTED if args.memory else FEW, pixels)
        if args.memory:
            small, large = batch(few), batch(many)
            for count, each in ((TESTED, small), (args.images, large)):
                print(f"{count:,} images: {each.seconds:.1f} s, {each.cpu:.1f} s of CPU, {each.peak} MiB")
            print(f"{large.peak - small.peak} MiB more for {args.images:,} images than for {TESTED:,}")
            return
        rates = []
        for number in range(1, args.rounds + 1):
            load = os.getloadavg()[0]
            start, whole = batch(few), batch(many)
            seconds, cpu = (float(word) for word in spent("-c", DIRECT, many, args.model).said.split()[-2:])
            more = [
                taken * 1e6 / (args.images - FEW)
                for taken in (whole.seconds - start.seconds, whole.cpu - start.cpu)
            ]
            direct = [taken * 1e6 / args.images for taken in (seconds, cpu)]
            rates.append([alone / other for alone, other in zip(direct, more, strict=True)])
            print(
                f"round {number}, load {load:.1f}: batch {more[0]:.0f} µs an image, {more[1]:.0f} of CPU; directly "
                f"{direct[0]:.0f} µs, {direct[1]:.0f} of CPU; rate {rates[-1][0]:.2f}, by CPU {rates[-1][1]:.2f}",
                flush=True,
            )
        by_time, by_cpu = (statistics.median(values) for values in zip(*rates, strict=True))
        print(
            f"{args.images:,} images, {os.cpu_count()} cores: {by_time:.2f} of the direct rate, {by_cpu:.2f} by CPU"
        )


if __name__ == "__main__":
    main()
