#!/usr/bin/env bash
# Library:  SageMaker SDK v3 (sagemaker-core 2.27.0, of sagemaker 3.27.0), what a predictor sends: JSONLinesSerializer and
#           CSVSerializer, with pandas 3.1.1.
# Guess:    A serializer sends the values that it is given, or refuses what it cannot send, as JSONSerializer refuses a
#           DataFrame. CSVSerializer takes a DataFrame, so JSONLinesSerializer takes one too, and a single record is a line.
# Found:    JSONLinesSerializer goes through whatever can be gone through. Of a DataFrame, and of a single record, it sends the
#           names, each a valid line of JSON, and none of the values; bytes become numbers. CSVSerializer does the same to a
#           list of records, though their DataFrame is sent right. No warning; the endpoint gets a well-formed request.
# Output:   JSON Lines, a DataFrame of two rows    "age"⏎"income"
#           JSON Lines, one record                 "age"⏎"income"
#           JSON Lines, a list of one record       {"age": 31, "income": 1.5}
#           JSON Lines, bytes                      123⏎125
#           CSV, a DataFrame of two rows           31,1.5⏎42,2.5⏎
#           CSV, a list of the two records         age,income⏎age,income
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check sagemaker-core==2.27.0 pandas==3.1.1
cd "$work"
AWS_DEFAULT_REGION=us-east-1 "$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import pandas as pd
from sagemaker.core.serializers.base import CSVSerializer, JSONLinesSerializer

records = [{"age": 31, "income": 1.5}, {"age": 42, "income": 2.5}]
frame = pd.DataFrame(records)
lines, csv = JSONLinesSerializer(), CSVSerializer()
seen = {
    "JSON Lines, a DataFrame of two rows": lines.serialize(frame),
    "JSON Lines, one record": lines.serialize(records[0]),
    "JSON Lines, a list of one record": lines.serialize(records[:1]),
    "JSON Lines, bytes": lines.serialize(b"{}"),
    "CSV, a DataFrame of two rows": csv.serialize(frame),
    "CSV, a list of the two records": csv.serialize(records),
}
for title, sent in seen.items():
    print(f"{title:38} {sent}".replace("\n", "⏎"))
if [*seen.values()] != [
    '"age"\n"income"',
    '"age"\n"income"',
    '{"age": 31, "income": 1.5}',
    "123\n125",
    "31,1.5\n42,2.5\n",
    "age,income\nage,income",
]:
    sys.exit("The behaviour has changed.")
PYTHON
