"""The notebook, every cell of it, in a kernel of its own on a small data set: "Run all" without the editor."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.e2e.command import QUICK, ROOT, processes_of, registered, surroundings
from tests.pipeline.targets.aws.cloud.account import Cloud

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("forked_jobs")]

NOTEBOOK = ROOT / "pipeline" / "studio.ipynb"
SECONDS = 500  # for a cell


def run_all(
    home: Path, folder: Path, environ: Mapping[str, str] = MappingProxyType({}), **settings: str
) -> dict[str, Any]:
    """Executes the notebook as if it were opened in `folder`; returns its code cells by id.

    `environ` is what the kernel has in its environment besides, `settings` what is written into the settings' cell.

    Raises:
        CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}
    cells["settings"].source += "\n" + "\n".join(f"{name} = {value!r}" for name, value in settings.items())
    client = NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=surroundings(home, environ))
    return cells


def shown(cell: Any) -> str:
    """What is displayed below the cell, and printed."""
    texts = [output.data["text/html"] for output in cell.outputs if output.output_type == "display_data"]
    return "\n".join(texts + [output.text for output in cell.outputs if output.output_type == "stream"])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook") / "home"


@pytest.fixture(scope="module")
def parameters() -> str:
    return " ".join(word for word in QUICK if word != "--param")


@pytest.fixture(scope="module")
def arguments(small_data_set: Path) -> str:
    return f"--data '{small_data_set}' --any-data --candidates baseline"


@pytest.fixture(scope="module")
def cells(home: Path, parameters: str, arguments: str) -> dict[str, Any]:
    """All cells as "Run all" leaves them, in the folder where editors start a notebook."""
    return run_all(home, NOTEBOOK.parent, PARAMS=parameters, ARGS=arguments)


def test_no_cell_fails_or_warns(cells: dict[str, Any]) -> None:
    for name, cell in cells.items():
        kinds = [output.output_type for output in cell.outputs]
        assert set(kinds) <= {"stream", "display_data"}, name
        assert [
            output.name
            for output in cell.outputs
            if output.output_type == "stream" and output.name != "stdout"
        ] == []


def test_it_says_where_it_runs(cells: dict[str, Any]) -> None:
    assert "not SageMaker Studio" in shown(cells["place"])
    assert "none, and none is needed" in shown(cells["place"])


def test_the_graph_is_that_of_the_definition(cells: dict[str, Any]) -> None:
    before, after = shown(cells["graph"]), shown(cells["run"])
    for step in ("NormalizeData", "Train-baseline-0", "Evaluate", "QualityGate", "GateMissed"):
        assert step in before
    assert "Train-cnn-3x3-0" not in before, "ARGS choose the candidates"
    assert "succeeded after" not in before
    assert after.count("✓ succeeded after") == 4
    assert "– skipped" in after


def test_the_report_of_this_run_is_embedded(home: Path, cells: dict[str, Any]) -> None:
    embedded = re.search(r'srcdoc="([^"]*)"', shown(cells["report"]))
    assert embedded is not None
    (report,) = home.glob("executions/*/report.html")
    assert html.unescape(embedded[1]) == report.read_text()
    assert report.parent.name in shown(cells["run"])


def test_the_model_is_registered_shown_and_waits_for_a_decision(home: Path, cells: dict[str, Any]) -> None:
    (package,) = registered(home)
    assert package["model_approval_status"] == "PendingManualApproval"
    for text in (package["model_package_arn"], "version 1 of fashion-mnist", "PendingManualApproval"):
        assert text in shown(cells["registry"])


def test_no_process_is_left(home: Path, cells: dict[str, Any]) -> None:
    assert cells
    assert processes_of(home) == []


def test_a_later_run_reuses_the_first_and_approves_when_it_is_told_to(
    home: Path, cells: dict[str, Any], parameters: str, arguments: str
) -> None:
    assert cells
    again = run_all(home, ROOT, PARAMS=parameters, ARGS=arguments, DECISION="approve")
    assert shown(again["run"]).count("↺ reused") == 3
    assert "Approved" in shown(again["registry"])
    assert [package["model_approval_status"] for package in registered(home)] == ["Approved"]


def test_on_sagemaker_it_shows_follows_and_decides_the_same_way(
    tmp_path: Path, parameters: str, arguments: str
) -> None:
    with Cloud(tmp_path / "cloud") as cloud:
        cells = run_all(
            tmp_path / "home",
            ROOT,
            cloud.environment,
            TARGET="sagemaker",
            PARAMS=parameters,
            ARGS=arguments,
            DECISION="reject",
        )
        assert "StartPipelineExecution" in cloud.asked
    assert "Train-baseline-0" in shown(cells["graph"])
    assert shown(cells["run"]).count("✓ succeeded after") == 4
    assert "Costs at most" in shown(cells["run"])
    assert "srcdoc=" in shown(cells["report"])
    assert "Rejected" in shown(cells["registry"])


def test_a_missed_gate_shows_the_report_and_ends_with_the_reason(
    home: Path, cells: dict[str, Any], parameters: str, arguments: str
) -> None:
    assert cells
    with pytest.raises(CellExecutionError, match=r"error: Execution .* registered no model") as raised:
        run_all(home, ROOT, PARAMS=parameters.replace("MinAccuracy=0.5", "MinAccuracy=0.999"), ARGS=arguments)
    assert "less than the required 0.999" in str(raised.value)
    assert "Traceback" not in str(raised.value)
    assert len(list(home.glob("executions/*/report.html"))) > 1


def test_outside_a_clone_it_says_what_is_missing(home: Path, tmp_path: Path) -> None:
    with pytest.raises(CellExecutionError, match=r"must be in the folder pipeline/ of a clone"):
        run_all(home, tmp_path)


def test_a_target_that_does_not_exist_is_told_before_anything_is_set_up(home: Path, arguments: str) -> None:
    with pytest.raises(CellExecutionError, match=r"TARGET must be one of .*, not 'mars'"):
        run_all(home, ROOT, TARGET="mars", ARGS=arguments)


def test_the_committed_notebook_is_left_as_it_is(cells: dict[str, Any]) -> None:
    assert cells
    assert not any(cell.get("outputs") for cell in json.loads(NOTEBOOK.read_text())["cells"])
