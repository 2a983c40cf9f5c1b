"""Times the graph in Metaflow's local runtime, installed from PyPI into an environment that is thrown away."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import venv
from pathlib import Path

from bench_graph import Node, diamonds

VERSION = "2.19.39"
# Metaflow wants a last step that joins nothing.
MORE_STEPS = 1


def time_metaflow(steps: int) -> float:
    """Seconds that `python flow.py run` takes for the graph and MORE_STEPS; making the environment is not counted.

    Raises:
        subprocess.CalledProcessError: it cannot be installed, or the run fails; `output` says why.
    """
    nodes = diamonds(steps)
    with tempfile.TemporaryDirectory() as folder:
        venv.create(Path(folder, "venv"), with_pip=True)
        python = str(Path(folder, "venv", "bin", "python"))
        _run([python, "-m", "pip", "install", "--quiet", f"metaflow=={VERSION}"], folder)
        Path(folder, "flow.py").write_text(flow([*nodes, Node("End", (nodes[-1].name,))]))
        # The first run writes the environment's compiled modules.
        _run([python, "flow.py", "show"], folder)
        began = time.perf_counter()
        _run([python, "flow.py", "--quiet", "run"], folder)
        return time.perf_counter() - began


def flow(nodes: list[Node]) -> str:
    """The graph as a Metaflow program, whose first and last steps must be called start and end."""
    names = {node.name: node.name.replace("-", "_").lower() for node in nodes}
    names[nodes[0].name], names[nodes[-1].name] = "start", "end"
    lines = ["from metaflow import FlowSpec, step", "", "", "class Bench(FlowSpec):"]
    for node in nodes:
        following = [f"self.{names[other.name]}" for other in nodes if node.name in other.after]
        joins = ", inputs" if len(node.after) > 1 else ""
        body = f"self.next({', '.join(following)})" if following else "pass"
        lines += ["    @step", f"    def {names[node.name]}(self{joins}):", f"        {body}", ""]
    return "\n".join([*lines, "", 'if __name__ == "__main__":', "    Bench()", ""])


def _run(command: list[str], folder: str) -> None:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW_")}
    subprocess.run(
        command,
        cwd=folder,
        env={**surroundings, "HOME": folder, "METAFLOW_USER": "bench", "METAFLOW_DEFAULT_DATASTORE": "local"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
    )
