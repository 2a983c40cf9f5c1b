"""The picture of a definition: every step, the edges that matter, nothing that HTML would read as its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipeline.cli.notebook.svg_graph import HEIGHT, NARROWEST, Graph, draw, lay_out
from pipeline.spec.definition import Definition, Dependency, Step
from pipeline.spec.parsing import parse_definition
from pipeline.view.states import STATES

ROOT = Path(__file__).resolve().parents[4]
GOLDEN = Path(__file__).resolve().parents[2] / "definition.golden.json"
SVG = "{http://www.w3.org/2000/svg}"


def graph_of(**waits_for: str) -> Graph:
    """The graph of steps that wait for those that their text lists."""
    steps = tuple(
        Step(name, "Processing", {}, depends_on=tuple(map(Dependency, others.split())))
        for name, others in waits_for.items()
    )
    return lay_out(Definition("2020-12-01", (), steps, ""))


@pytest.fixture(scope="module")
def golden() -> Graph:
    return lay_out(parse_definition(GOLDEN.read_text().replace("<account>", "123456789012")))


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_this_projects_steps_stand_in_the_order_in_which_they_run(golden: Graph) -> None:
    trainings = [name for name in golden.boxes if name.startswith("Train-")]
    assert len(trainings) > 1
    order = ["NormalizeData", trainings[0], "Evaluate", "QualityGate", "GateMissed"]
    columns = [golden.boxes[name].x for name in order]
    assert columns == sorted(set(columns))
    assert len({golden.boxes[name].x for name in trainings}) == 1
    expected = {("NormalizeData", name, "") for name in trainings}
    expected |= {(name, "Evaluate", "") for name in trainings}
    expected |= {("Evaluate", "QualityGate", ""), ("QualityGate", "GateMissed", "missed")}
    assert set(golden.edges) == expected


def test_no_two_boxes_overlap_and_all_are_on_the_picture(golden: Graph) -> None:
    boxes = list(golden.boxes.values())
    for index, one in enumerate(boxes):
        assert one.width >= NARROWEST
        assert one.x >= 0
        assert one.x + one.width <= golden.width
        assert one.y >= 0
        assert one.y + HEIGHT <= golden.height
        for other in boxes[index + 1 :]:
            apart = abs(one.x - other.x) >= min(one.width, other.width) or abs(one.y - other.y) >= HEIGHT
            assert apart, (one, other)


def test_what_is_waited_for_anyway_gets_no_edge_of_its_own() -> None:
    graph = graph_of(a="", b="a", c="a b")
    assert graph.edges == (("a", "b", ""), ("b", "c", ""))


def test_before_a_run_boxes_tell_the_type_and_later_the_state(golden: Graph) -> None:
    assert "Condition" in texts(draw(golden))
    states = {"NormalizeData": STATES["Succeeded"], "Evaluate": STATES["Executing"]}
    later = texts(draw(golden, states, {"NormalizeData": "succeeded after 4.2 s", "Evaluate": "running"}))
    assert "✓ succeeded after 4.2 s" in later
    assert "▶ running" in later
    assert "· waiting" in later
    assert "Condition" not in later


def test_the_picture_is_described_for_those_who_do_not_see_it(golden: Graph) -> None:
    svg = ElementTree.fromstring(draw(golden))
    assert svg.attrib["role"] == "img"
    assert all(name in svg.attrib["aria-label"] for name in golden.boxes)


def test_long_words_are_cut_to_the_box_and_whole_in_its_title(golden: Graph) -> None:
    words = "failed after 3 s: " + "the disk is full " * 10
    svg = draw(golden, {"Evaluate": STATES["Failed"]}, {"Evaluate": words})
    assert "✗ failed after 3 s" in texts(svg)
    assert words.strip() in svg


def test_names_cannot_break_out_of_the_picture() -> None:
    name = "<script>alert(1)</script>"
    svg = draw(graph_of(**{name: ""}), {name: STATES["Failed"]}, {name: "failed: <b>&\x1b[31m"})
    assert "<script>" not in svg
    assert "<b>" not in svg
    assert name in texts(svg)


def test_a_kernel_without_any_package_reads_and_draws_a_definition(golden: Graph) -> None:
    """Kernels have an environment of their own, in which botocore need not be."""
    script = (
        "import sys; from pipeline.spec.parsing import read_checked; "
        "from pipeline.cli.notebook.project import draw, lay_out; "
        "sys.stdout.write(draw(lay_out(read_checked(sys.stdin.read()))))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        cwd=ROOT,
        input=GOLDEN.read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    assert {text for text in golden.boxes if text.startswith("Train-")} <= set(
        re.findall(r"Train-[\w-]+", done.stdout)
    )
