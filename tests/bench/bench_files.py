"""What many small outputs and inputs of jobs cost, and how long a stop takes while they are saved.

    PYTHONPATH=. python tests/bench/bench_files.py [--files N] [--json FILE]

A job writes N files, which its step saves; the next step's job gets them all. "plainly" is what this disk takes for
writing N files alone.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.console import say

ROOT = Path(__file__).resolve().parents[2]
_WRITE = """
import os, sys
for number in range({files}):
    folder = f"opt/ml/processing/o/{{number // 1000}}"
    if number % 1000 == 0:
        os.mkdir(folder)
    with open(f"{{folder}}/{{number}}.txt", "w") as file:
        file.write(f"file {{number}}")
"""


def parse_args(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench_files", description="What many small files cost.")
    parser.add_argument("--files", type=int, default=20_000, metavar="N", help="how many (default: 20000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    return parser.parse_args(argv)


def main(args: argparse.Namespace) -> int:
    """Measure, print the table, write the JSON file; returns the exit status."""
    say(f"{args.files} files, on {os.cpu_count()} cores …")
    with tempfile.TemporaryDirectory() as folder:
        definition = Path(folder, "definition.json")
        definition.write_text(json.dumps(definition_of(args.files)))
        seconds = {"plainly": time_plainly(Path(folder, "plain"), args.files)}
        home = Path(folder, "home")
        subprocess.run(command(definition), env=surroundings(home), check=True, **_QUIET)
        seconds |= steps_of(home)
        subprocess.run(command(definition), env=surroundings(home), check=True, **_QUIET)
        seconds["reused, and got again"] = sum(steps_of(home).values())
        seconds["a stop while they are saved"] = time_stop(definition, Path(folder, "stopped"))
    for what, time_taken in seconds.items():
        print(f"{what:30} {time_taken:8.2f} s {time_taken / args.files * 1e6:8.0f} µs a file")
    print(f"(Load of this machine during the last minute: {os.getloadavg()[0]:.1f}.)")
    if args.json is not None:
        args.json.write_text(json.dumps({"files": args.files, "seconds": seconds}, indent=2) + "\n")
    return 0


_QUIET: dict[str, Any] = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def command(definition: Path) -> list[str]:
    """The command that executes the definition."""
    return [sys.executable, "-m", "pipeline", "run", "--plain", "--definition", str(definition)]


def surroundings(home: Path) -> dict[str, str]:
    """The environment for a state folder at `home`."""
    return {**os.environ, "FASHION_HOME": str(home)}


def time_plainly(folder: Path, files: int) -> float:
    """Seconds to write the files without any engine."""
    began = time.perf_counter()
    for number in range(files):
        path = folder / str(number // 1000) / f"{number}.txt"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True)
        path.write_text(f"file {number}")
    return time.perf_counter() - began


def steps_of(home: Path) -> dict[str, float]:
    """Seconds of each step of the newest execution."""
    shown = subprocess.run(
        [sys.executable, "-m", "pipeline", "show", "--json"],
        env=surroundings(home), cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return {step["name"]: step["seconds"] or 0.0 for step in json.loads(shown.stdout)["steps"]}


def time_stop(definition: Path, home: Path) -> float:
    """Seconds from SIGTERM, once contents are being saved, to the command's end."""
    with subprocess.Popen(command(definition), env=surroundings(home), **_QUIET) as process:
        while process.poll() is None and len(list(home.glob("objects/*"))) < 100:
            time.sleep(0.02)
        began = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        process.wait()
        return time.perf_counter() - began


def definition_of(files: int) -> dict[str, Any]:
    """Save (writes the files) → Get (is given them)."""
    output = {"S3Uri": "s3://bench-files/o", "LocalPath": "/opt/ml/processing/o", "S3UploadMode": "EndOfJob"}
    saved = {"Get": "Steps.Save.ProcessingOutputConfig.Outputs['o'].S3Output.S3Uri"}
    save, get = _step("Save", _WRITE.format(files=files)), _step("Get", "pass")
    source = {"S3Uri": saved, "LocalPath": "/opt/ml/processing/i", "S3DataType": "S3Prefix"}
    save["CacheConfig"] = {"Enabled": True, "ExpireAfter": "P1D"}
    save["Arguments"]["ProcessingOutputConfig"] = {"Outputs": [{"OutputName": "o", "S3Output": output}]}
    get["Arguments"]["ProcessingInputs"] = [{"InputName": "i", "S3Input": source}]
    return {"Version": "2020-12-01", "Steps": [save, get]}


def _step(name: str, script: str) -> dict[str, Any]:
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["python3", "-c", script]},
            "ProcessingResources": {"ClusterConfig": cluster},
        },
    }


if __name__ == "__main__":
    sys.exit(main(parse_args(sys.argv[1:])))
