"""What capturing costs those who ask: answers of `serve` with and without it, in turns; run by hand.

    FASHION_HOME=DIR python tests/bench/bench_capture.py [--rounds N] [--clients N] [--requests N]

The state folder DIR must have a registered model. Both servers are up all the time, and one of them is asked at a
time: each client, a thread, asks for one image after another. Before the next server is asked, the one that
captures has time to write its lines, so that the other does not pay for them. Of a machine that others use, the
median of the rounds says more than all answers together.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

THREADS = 16  # of each process of clients
WRITTEN_SECONDS = 2.0  # Capture looks for lines twice a second


def ask(port: int, requests: int) -> list[float]:
    """Seconds that each of the requests of one client took."""
    image = json.dumps(
        {"instances": [[[(3 * row + column) % 256 for column in range(28)] for row in range(28)]]}
    )
    took = []
    for _ in range(requests):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        started = time.perf_counter()
        connection.request("POST", "/invocations", image, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        took.append(time.perf_counter() - started)
        connection.close()
        assert answer.status == 200, answer.status
    return took


def ask_at_once(port: int, clients: int, requests: int) -> list[float]:
    """The same, of several clients at once."""
    with ThreadPoolExecutor(clients) as threads:
        each = threads.map(ask, [port] * clients, [requests] * clients)
        return [second for took in each for second in took]


class Server:
    """`serve` in a process of its own."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "serve", "--port", "0", "--quiet", *words],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"at http://127\.0\.0\.1:(\d+)/", line):
                self.port = int(found[1])
                return
            print(line, end="")
        raise SystemExit("The server ended.")

    def cpu_seconds(self) -> float:
        """What it has used so far, its start included (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> str:
        """End it; what it said last."""
        self.process.terminate()
        return self.process.communicate()[1]


def percentile(answers: list[float]) -> float:
    """The 99th percentile of sorted values."""
    return answers[int(len(answers) * 0.99)]


def main() -> None:
    """Print the median and the 99th percentile of each round, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--requests", type=int, default=20, help="of each client in a round")
    args = parser.parse_args()
    processes = max(1, args.clients // THREADS)
    each = args.clients // processes
    seconds: dict[str, list[float]] = {"without": [], "with": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        multiprocessing.get_context("spawn").Pool(processes) as pool,
    ):
        servers = {"without": Server(), "with": Server("--capture", str(Path(folder) / "captured"))}
        ratios = []
        for number in range(args.rounds + 1):
            slow = {}
            for name, server in list(servers.items())[:: 1 if number % 2 else -1]:
                took = pool.starmap(ask_at_once, [(server.port, each, args.requests)] * processes)
                answers = sorted(second for some in took for second in some)
                slow[name] = percentile(answers)
                if number:  # the first round warms up
                    seconds[name] += answers
                time.sleep(WRITTEN_SECONDS)
            if number:
                ratios.append(slow["with"] / slow["without"])
        spent = {name: server.cpu_seconds() for name, server in servers.items()}
        said = {name: server.end() for name, server in servers.items()}
    p99 = {}
    for name, took_all in seconds.items():
        took_all.sort()
        p99[name] = percentile(took_all)
        print(
            f"{name:8} {len(took_all)} answers: median {statistics.median(took_all) * 1000:.1f} ms, "
            f"99th percentile {p99[name] * 1000:.1f} ms, {spent[name]:.1f} s of CPU"
        )
    print(
        f"99th percentile with capturing: {p99['with'] / p99['without']:.3f} times that without; of the rounds, "
        f"{statistics.median(ratios):.3f} in the median, {min(ratios):.3f} to {max(ratios):.3f}"
    )
    print(said["with"].strip())


if __name__ == "__main__":
    main()
