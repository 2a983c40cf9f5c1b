"""How fast `batch` scores, beside the SavedModel called directly in large batches; run by hand (make bench-batch).

    FASHION_HOME=DIR python tests/bench/bench_batch.py [--images N] [--model V] [--again N]

The state folder DIR must have a registered model. Images are random rows of an IDX file. Seconds and CPU seconds
are those of the whole processes; the seconds of the direct calls and of the Score step alone are told apart.
`--again N` scores N images as well, to compare the peaks of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

DIRECT = """
import sys, time
import numpy as np
from pipeline.console import say
from pipeline.local.state.state_dir import home_from
from pipeline.inference.predicting.choice import loaded_model
from pipeline.inference.predicting.sources import open_models
import os
home = home_from(os.environ)
with open_models("local", home, None) as models:
    model = loaded_model(models, int(sys.argv[2]) if sys.argv[2] else None, home, say).saved_model
pixels = np.memmap(sys.argv[1], np.uint8, "r", 16).reshape(-1, 28, 28)
model.call("serving_default", {"images": pixels[:1000]})
began = time.perf_counter()
for start in range(0, len(pixels), 1000):
    model.call("serving_default", {"images": np.ascontiguousarray(pixels[start : start + 1000])})
print(time.perf_counter() - began)
"""


def spent(command: list[str]) -> tuple[str, float, float, int]:
    """What a command said, its seconds, CPU seconds with those of its children, and its peak in MiB."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, seconds, cpu, after.ru_maxrss >> 10


def write_idx(path: Path, count: int) -> None:
    """Random images, a part of a file in memory at a time."""
    random = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(struct.pack(">4I", 0x803, count, 28, 28))
        for start in range(0, count, 10_000):
            file.write(random.integers(0, 256, (min(10_000, count - start), 28, 28), np.uint8).tobytes())


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--model", default="")
    parser.add_argument("--again", type=int, default=0)
    args = parser.parse_args()
    version = ["--model", args.model] if args.model else []
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for count in filter(None, (args.images, args.again)):
            file = Path(folder) / f"{count}.idx3"
            write_idx(file, count)
            _, seconds, cpu, peak = spent(
                [
                    sys.executable,
                    "-m",
                    "pipeline",
                    "batch",
                    str(file),
                    f"{folder}/{count}",
                    "--plain",
                    *version,
                ]
            )
            shown = subprocess.run(
                [sys.executable, "-m", "pipeline", "show", "--json"], capture_output=True, check=True
            )
            score = json.loads(shown.stdout)["steps"][0]["seconds"]
            print(
                f"batch, {count:,} images: {seconds:.1f} s, {cpu:.1f} s of CPU, Score {score:.1f} s, {peak} MiB"
            )
            if count == args.images:
                said, seconds, cpu_direct, _ = spent([sys.executable, "-c", DIRECT, str(file), args.model])
                calls = float(said)
                print(f"directly: {seconds:.1f} s, {cpu_direct:.1f} s of CPU, the calls {calls:.1f} s")
                if score:
                    print(
                        f"rate of Score beside the calls: {calls / score:.2f}; by CPU: {cpu_direct / cpu:.2f}"
                    )


if __name__ == "__main__":
    main()
