from collections.abc import Callable
from typing import Any

import pytest

INPUT = "Prepare.Arguments.ProcessingInputs[1]"
INPUT_PATH = f"{INPUT}.S3Input.LocalPath"
OUTPUTS = "Prepare.Arguments.ProcessingOutputConfig.Outputs"
OUTPUT_PATH = f"{OUTPUTS}[0].S3Output.LocalPath"
PLACE = {"S3Uri": "s3://a-bucket/more", "LocalPath": "/opt/ml/processing/more", "S3UploadMode": "EndOfJob"}

CASES: list[tuple[Any, ...]] = [
    ("processing-names-are-unique", {}, {f"{INPUT}.InputName": "code"}, ""),
    (
        "processing-names-are-unique",
        {f"{OUTPUTS}[+]": {"OutputName": "more", "S3Output": PLACE}},
        {f"{OUTPUTS}[1].OutputName": "processed"},
        "",
    ),
    *(
        ("processing-inputs-lie-under-opt-ml-processing", {}, {INPUT_PATH: path}, "")
        for path in ("/opt/ml/input/data", "/opt/ml/processing", "/opt/ml/processing/../input", ...)
    ),
    (
        "processing-inputs-lie-under-opt-ml-processing",
        {INPUT_PATH: "/srv", f"{INPUT}.AppManaged": True},
        {f"{INPUT}.AppManaged": False},
        INPUT_PATH,
    ),
    ("processing-paths-are-distinct", {}, {INPUT_PATH: "/opt/ml/processing/code/"}, ""),
    ("processing-paths-are-distinct", {}, {OUTPUT_PATH: "/opt/ml/processing/input"}, ""),
    ("processing-paths-are-distinct", {}, {OUTPUT_PATH: "output"}, ""),
    (
        "processing-outputs-have-a-destination",
        {f"{OUTPUTS}[+]": {"OutputName": "managed", "AppManaged": True}},
        {f"{OUTPUTS}[1].AppManaged": False},
        f"{OUTPUTS}[1]",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_reports_the_change_that_breaks_it(breaks: Callable[..., None], case: tuple[Any, ...]) -> None:
    breaks(*case)
