#!/usr/bin/env bash
# Library:  SageMaker Python SDK v3: serializers and deserializers of sagemaker-core 2.27.0 (of sagemaker 3.27.0).
# Guess:    A CSV answer of three lines is a DataFrame of three rows: endpoints answer without a header line. A list is one
#           kind of thing, so is a row or a column whatever it holds, and bytes that are CSV already are sent as they are.
# Found:    PandasDeserializer takes the first prediction for the header. CSVSerializer makes a list of numbers one row, and a
#           list of texts a line each; of bytes it sends the value of each byte. JSONLinesSerializer sends of a single record the
#           names of its fields.
# Output:   PandasDeserializer, 3 lines     2 rows, columns ['0.9', '0.1']
#           CSVSerializer [1, 2]            '1,2'
#           CSVSerializer ['1', '2']        '1\n2'
#           CSVSerializer b'1,2'            '49,44,50'
#           JSONLinesSerializer {...}       '"label"\n"pixels"'
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check sagemaker-core==2.27.0
cd "$work"
AWS_DEFAULT_REGION=us-east-1 "$work/venv/bin/python" -W ignore - <<'PYTHON'
import io
import sys

from sagemaker.core.deserializers import PandasDeserializer
from sagemaker.core.serializers import CSVSerializer, JSONLinesSerializer

frame = PandasDeserializer().deserialize(io.BytesIO(b"0.9,0.1\n0.2,0.8\n0.6,0.4\n"), "text/csv")
print(f"PandasDeserializer, 3 lines     {len(frame)} rows, columns {list(frame.columns)}")
seen = [len(frame), list(frame.columns)]
for value in ([1, 2], ["1", "2"], b"1,2"):
    seen.append(CSVSerializer().serialize(value))
    print(f"CSVSerializer {value!r:17} {seen[-1]!r}")
seen.append(JSONLinesSerializer().serialize({"label": 3, "pixels": [0, 1]}))
print(f"JSONLinesSerializer {{...}}       {seen[-1]!r}")
if seen != [2, ["0.9", "0.1"], "1,2", "1\n2", "49,44,50", '"label"\n"pixels"']:
    sys.exit(f"The behaviour has changed: {seen}")
PYTHON
