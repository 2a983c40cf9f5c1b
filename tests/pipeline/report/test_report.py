from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline.analysis.evaluation import NOT_RECORDED
from pipeline.analysis.hypotheses import HYPOTHESES
from pipeline.errors import StateError
from pipeline.report.page import render_page
from pipeline.report.writing import write_report
from tests.pipeline.report.conftest import CARD, Run

Make = Callable[..., Any]
HOSTILE = (
    "</text></title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>${{7*7}}$\x1b[31m\x00\ud800"
)
ONE_MODEL = ("cnn-3x3",)  # where it does not matter how many there are
STYLE = Path(__file__).parents[3] / "pipeline" / "report" / "style.css"
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Collects what a browser would see, and checks that every element is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())  # which takes the unbreakable spaces, too


def said(html: str) -> str:
    """The page's text, with spaces only."""
    return Page(html).text


@pytest.fixture(scope="module")
def html(make_evaluation: Make, make_registration: Make, make_record: Make) -> str:
    evaluation = make_evaluation()
    return render_page(make_record(evaluation), evaluation, make_registration())


def test_the_page_opens_with_the_answer(html: str, full: str) -> None:
    one_seed, several = (
        text[text.index("execution 8f3a2c9d41e7 · local") :] for text in map(said, (html, full))
    )
    assert one_seed.startswith(
        "execution 8f3a2c9d41e7 · local cnn-3x3 wins, with 91.10 % on the test images On the "
    )
    known, _, claims = one_seed.partition("? undecided The convolutional")
    assert "points more than" in known
    assert "One seed settles no architecture" in known
    assert "--seeds 3 trains each model under two more, which takes about" in known
    assert claims
    assert "One seed settles no architecture" not in several
    assert several.startswith("execution 8f3a2c9d41e7 · local Convolution helps")
    assert "✓ confirmed The convolutional network is more accurate than the dense baseline." in several
    for text in (one_seed, several):
        for claim in HYPOTHESES:
            assert text.index(claim.claim) < text.index("registered as version 3") < text.index("Leaderboard")
    assert "whether the architectures differ cannot be concluded" in one_seed[: one_seed.index("Leaderboard")]


def test_the_page_has_all_its_sections_in_order(full: str) -> None:
    text = said(full)
    titles = (
        "Leaderboard",
        "The experiment over seeds",
        "Accuracy against cost",
        "Learning curves",
        "What cnn-3x3 gets wrong",
        "The errors in pictures",
        "Can its probabilities be believed?",
        "Model card",
        "The run",
        "Provenance",
        "How the statistics were computed",
    )
    places = [text.index(title) for title in titles]
    assert places == sorted(places)


def test_the_page_names_each_statistic_and_what_computed_it(full: str) -> None:
    text = said(full)
    for words in (
        "Wilson score interval statsmodels.stats.proportion.proportion_confint",
        "McNemar's exact test, two-sided statsmodels.stats.contingency_tables.mcnemar",
        "Holm's correction numpy, pipeline/analysis/multiplicity.py",
        "bootstrap over seeds and images",
        "sklearn.metrics.log_loss",
    ):
        assert words in text


def test_the_page_shows_the_errors_with_alternative_texts(full: str) -> None:
    page = Page(full)
    pictures = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert len(pictures) > 50
    assert all(alt.startswith("Test image ") for alt in pictures)
    assert "⚑ label in doubt" in page.text
    assert "1 of the 10,000 test images meets it" in page.text


def test_the_page_shows_the_model_card(full: str) -> None:
    assert "Purpose of model To tell things apart." in said(full)
    assert "version 3 was registered with it" in said(full)


def test_a_card_that_the_schema_does_not_allow_is_reported_and_not_kept(
    make_evaluation: Make, make_record: Make, tmp_path: Path
) -> None:
    evaluation, out = make_evaluation(names=ONE_MODEL), tmp_path / "report.html"
    write_report(
        make_record(evaluation),
        evaluation,
        NOT_RECORDED,
        out,
        model_card={"intended_uses": {"risk_rating": "<b>"}},
    )
    assert "$.intended_uses.risk_rating: '<b>' is not one of" in said(out.read_text())
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_the_model_card_lies_beside_the_report(
    make_evaluation: Make, make_record: Make, tmp_path: Path
) -> None:
    evaluation = make_evaluation(names=ONE_MODEL)
    write_report(make_record(evaluation), evaluation, NOT_RECORDED, tmp_path / "report.html", model_card=CARD)
    assert json.loads((tmp_path / "model-card.json").read_text()) == CARD
    assert (tmp_path / "model-card.md").read_text().startswith("# Model card of cnn-3x3-0\n")


def test_what_an_older_evaluation_lacks_is_said(html: str) -> None:
    text = said(html)
    for words in (
        "This evaluation left no images for the report",
        "Not computed: the evaluation's predictions of single images cannot be read.",
        "This evaluation is older than model cards",
        "FLOPs were not recorded by these trainings.",
    ):
        assert words in text


def test_the_page_has_a_figure_for_each_thing_it_shows(html: str) -> None:
    page = Page(html)
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert [label.split(":")[0].split(".")[0] for label in labels] == [
        "Point chart of training accuracy",
        "Point chart of validation accuracy",
        "Point chart of test accuracy",
        "Interval chart of differences",
        "Interval chart of differences",
        "Scatter chart of test accuracy over training time",
        "Scatter chart of test accuracy over parameters",
        "Line chart of accuracy by epoch",
        "Line chart of loss by epoch",
        "Confusion matrix of cnn-3x3-0 on test",
        "Confusion matrix of baseline-0 on test",
        "Confusion matrix of cnn-5x5-0 on test",
        "Bar chart of when the steps ran",
    ]
    assert "cnn-3x3-0 91.10 % (case study 91–93 %)" in labels[2]


@pytest.mark.parametrize("which", ["html", "full"])
def test_the_page_needs_nothing_from_outside_and_runs_nothing(
    which: str, request: pytest.FixtureRequest
) -> None:
    html = request.getfixturevalue(which)
    page = Page(html)
    assert not page.tags & {
        "script",
        "link",
        "iframe",
        "object",
        "base",
        "form",
        "foreignobject",
        "image",
    }
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        if name in ("src", "href", "xlink:href"):
            assert value.startswith("data:image/png;base64," if tag == "img" else "#")
    assert "http:" not in html
    assert "https:" not in html
    assert "@import" not in html
    assert re.findall(r"url\((?!#)", html) == []
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html


@pytest.mark.parametrize("which", ["html", "full"])
def test_every_id_is_unique_and_every_reference_has_its_target(
    which: str, request: pytest.FixtureRequest
) -> None:
    html = request.getfixturevalue(which)
    page = Page(html)
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    references = {value[1:] for _, name, value in page.attributes if name == "href"}
    references |= set(re.findall(r"url\(#([^)]+)\)", html))
    references |= {value for _, name, value in page.attributes if name == "aria-labelledby"}
    assert references <= set(ids)
    assert references


def test_hostile_names_stay_text(make_evaluation: Make, make_registration: Make, make_record: Make) -> None:
    classes = (HOSTILE, *(f"{HOSTILE}{number}" for number in range(9)))
    evaluation = make_evaluation(names=(HOSTILE, f"cnn-{HOSTILE}"), class_names=classes)
    evaluation["candidates"][0]["environment"][HOSTILE] = HOSTILE
    evaluation["gate"]["reason"] = HOSTILE
    record = make_record(evaluation)
    registration = make_registration() | {"model_package_arn": HOSTILE}
    page = Page(render_page(record, evaluation, registration))
    assert not page.tags & {"script", "img"}
    assert not any(name.startswith("on") for _, name, _ in page.attributes)
    assert "<script>alert(1)</script>" in page.text
    assert "${{7*7}}$" in page.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\ud800]", page.text)


def test_a_name_with_dollars_is_not_set_as_a_formula(make_evaluation: Make, make_record: Make) -> None:
    evaluation = make_evaluation(names=("cnn-$x_1$",))
    svgs = re.findall(r"<svg.*?</svg>", render_page(make_record(evaluation), evaluation, NOT_RECORDED))
    assert all(">cnn-$x_1$</text>" in svg for svg in svgs[:5])


def test_the_same_execution_gives_the_same_bytes(
    html: str, make_evaluation: Make, make_registration: Make, make_record: Make
) -> None:
    evaluation = make_evaluation()
    assert render_page(make_record(evaluation), evaluation, make_registration()) == html


def test_a_users_own_plot_settings_change_nothing(
    html: str, make_evaluation: Make, make_registration: Make, make_record: Make
) -> None:
    import matplotlib as mpl

    evaluation = make_evaluation()
    with mpl.rc_context({"axes.linewidth": 9, "xtick.labelsize": 20}):
        assert render_page(make_record(evaluation), evaluation, make_registration()) == html


@pytest.mark.parametrize(
    "shape",
    [
        {"names": ("baseline",), "epochs": 1},
        {"names": ("resnet", "cnn-3x3"), "seeds": 2},
        {"passed": False},
        {"names": tuple(f"cnn-{number}" for number in range(8)), "seeds": 5, "epochs": 40},
        {"names": tuple(f"cnn-{number}" for number in range(25))},
    ],
)
def test_other_runs_give_a_whole_page_too_and_a_small_one(
    shape: dict[str, Any], make_evaluation: Make, make_record: Make
) -> None:
    evaluation = make_evaluation(**shape)
    text = render_page(make_record(evaluation), evaluation, NOT_RECORDED, model_card=CARD)
    assert evaluation["winner"]["name"] in said(text)
    assert len(text.encode()) < 3_000_000


@pytest.mark.parametrize(
    "shape", [{"names": ("baseline",), "epochs": 1}, {"names": ("resnet", "cnn-3x3"), "seeds": 2}]
)
def test_other_runs_show_their_pictures_too(shape: dict[str, Any], make_run: Make, make_record: Make) -> None:
    run = make_run(**shape)
    text = render_page(
        make_record(run.evaluation), run.evaluation, NOT_RECORDED, run.predictions, run.gallery, CARD
    )
    assert text.count("<img ") > 20
    assert ("One training cannot tell" in said(text)) == (len(run.evaluation["candidates"]) == 1)


@pytest.mark.parametrize("damaged", ["predictions", "gallery"])
@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_damaged_files_cost_their_sections_only(
    damaged: str, content: bytes, make_run: Make, make_record: Make
) -> None:
    run = make_run(names=ONE_MODEL)
    getattr(run, damaged).write_bytes(content)
    text = said(
        render_page(make_record(run.evaluation), run.evaluation, NOT_RECORDED, run.predictions, run.gallery)
    )
    assert ("No errors are shown" if damaged == "predictions" else "The images cannot be shown") in text
    assert "Leaderboard" in text


@pytest.mark.parametrize("target", ["docker", "sagemaker"])
def test_every_target_has_the_same_report(
    target: str, full: str, run: Run, make_registration: Make, make_record: Make
) -> None:
    record = replace(make_record(run.evaluation), target=target)
    other = render_page(record, run.evaluation, make_registration(), run.predictions, run.gallery, CARD)
    assert other.replace(f"· {target}<", "· local<").replace(f"<td>{target}</td>", "<td>local</td>") == full


def test_the_difference_to_the_champion_is_at_the_top(make_evaluation: Make, make_record: Make) -> None:
    evaluation = make_evaluation(names=ONE_MODEL) | {
        "champion": {"arn": "a", "id": "cnn-5x5-1", "test_accuracy": 0.92}
    }
    assert "Against the champion −0.90 points" in said(
        render_page(make_record(evaluation), evaluation, NOT_RECORDED)
    )


def test_a_champion_is_compared_in_the_answer(make_evaluation: Make, make_record: Make) -> None:
    evaluation = make_evaluation(names=ONE_MODEL) | {"champion": {"arn": "a", "error": "It is gone."}}
    assert "The champion a could not be scored: It is gone." in said(
        render_page(make_record(evaluation), evaluation, NOT_RECORDED)
    )


def test_a_perfect_model_and_an_untrained_history_are_shown(make_evaluation: Make, make_record: Make) -> None:
    evaluation = make_evaluation(names=("baseline",))
    evaluation["candidates"][0]["history"] = []
    evaluation["candidates"][0]["test"]["confusion_matrix"] = [
        [9 * (i == j) for j in range(10)] for i in range(10)
    ]
    assert (
        "None: every test image was classified right."
        in Page(render_page(make_record(evaluation), evaluation, NOT_RECORDED)).text
    )


def test_every_colour_of_the_page_is_defined_for_light_and_dark(html: str) -> None:
    light, dark = (set(re.findall(r"(--[\w-]+):", block)) for block in palettes())
    assert light == dark
    assert set(re.findall(r"var\((--[\w-]+)\)", html)) <= light


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_texts_and_lines_stand_out_from_their_ground(theme: int) -> None:
    """The contrasts that WCAG 2.2 asks for: 4.5 for text (1.4.3), 3 for graphics (1.4.11)."""
    colors = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", palettes()[theme]))
    for text in ("--ink", "--muted", "--accent", "--good", "--bad"):
        for ground in ("--card", "--page"):
            assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
    for line in ("--hit", "--miss", *(f"--series-{number}" for number in range(6))):
        assert contrast(colors[line], colors["--card"]) >= 3, line
    assert contrast(colors["--on-hit"], colors["--hit"]) >= 4.5
    assert contrast(colors["--on-miss"], colors["--miss"]) >= 4


def palettes() -> tuple[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE.read_text(encoding="utf-8"), re.DOTALL)
    return light, dark


def contrast(one: str, other: str) -> float:
    def luminance(color: str) -> float:
        channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_report_is_written_whole_into_a_folder_that_is_made_for_it(
    tmp_path: Path, make_evaluation: Make, make_registration: Make, make_record: Make
) -> None:
    evaluation, out = make_evaluation(names=ONE_MODEL), tmp_path / "new" / "report.html"
    assert write_report(make_record(evaluation), evaluation, make_registration(), out) == out
    first = out.read_bytes()
    write_report(make_record(evaluation), evaluation, make_registration(), out)
    assert out.read_bytes() == first
    assert [file.name for file in out.parent.iterdir()] == ["report.html"]
    assert out.stat().st_mode & 0o777 == 0o644


def test_a_report_that_cannot_be_written_is_a_clear_error_and_leaves_nothing(
    tmp_path: Path, make_evaluation: Make, make_registration: Make, make_record: Make
) -> None:
    out = tmp_path / "report.html"
    out.mkdir()
    evaluation = make_evaluation(names=ONE_MODEL)
    with pytest.raises(
        StateError, match=rf"Could not write the report to {re.escape(str(out))} \(.* bytes\): "
    ):
        write_report(make_record(evaluation), evaluation, make_registration(), out)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_nothing_slow_is_imported_before_a_report_is_drawn() -> None:
    imports = "import sys, pipeline.report, pipeline.analysis.answer"
    code = f"{imports}; print({{'matplotlib', 'jinja2'}} & set(sys.modules))"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
