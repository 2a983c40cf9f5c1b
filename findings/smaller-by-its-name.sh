#!/usr/bin/env bash
# Library:  SageMaker SDK v3 (sagemaker-core 2.27.0, of sagemaker 3.27.0), pipeline parameters.
# Guess:    Comparing two parameters while a pipeline is built is refused, since their values are known when it runs only:
#           int(), f-strings and + are refused with a message that says so, and a comparison with a number is, too.
# Found:    Two integer parameters compare by their names, without a word, and then by their defaults: "if minimum <= maximum",
#           min() and sorted() answer by the alphabet. Two names for the same numbers give the two answers.
# Output:   At=1 < To=10            True
#           From=1 < At=10          False
#           max(Low=9, High=1)      Low=9
#           max(A=9, B=1)           B=1
#           At=1 < 10               TypeError
#           int(At=1)               TypeError
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check sagemaker-core==2.27.0
cd "$work"
AWS_DEFAULT_REGION=us-east-1 "$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

from sagemaker.core.workflow.parameters import ParameterInteger


def found(compare):
    """What comes of it: a parameter's name and default, the answer, or the error."""
    try:
        result = compare()
    except TypeError as error:
        return type(error).__name__
    return f"{result.name}={result.default_value}" if isinstance(result, ParameterInteger) else result


at, to, from_, at_ten = (ParameterInteger(*each) for each in (("At", 1), ("To", 10), ("From", 1), ("At", 10)))
seen = {
    "At=1 < To=10": found(lambda: at < to),
    "From=1 < At=10": found(lambda: from_ < at_ten),
    "max(Low=9, High=1)": found(lambda: max(ParameterInteger("Low", 9), ParameterInteger("High", 1))),
    "max(A=9, B=1)": found(lambda: max(ParameterInteger("A", 9), ParameterInteger("B", 1))),
    "At=1 < 10": found(lambda: at < 10),
    "int(At=1)": found(lambda: int(at)),
}
for title, result in seen.items():
    print(f"{title:23} {result}")
if [*seen.values()] != [True, False, "Low=9", "B=1", "TypeError", "TypeError"]:
    sys.exit("The behaviour has changed.")
PYTHON
