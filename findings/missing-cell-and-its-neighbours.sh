#!/usr/bin/env bash
# Library:  sagemaker-inference 1.10.1, the CSV decoder of SageMaker's Python model servers.
# Guess:    A missing cell is NaN, or the request is refused; a batch of N lines is an array of N rows.
# Found:    What a missing cell is depends on the other rows of the same request: 0 when nothing else is in its column, -1
#           beside whole numbers, NaN beside decimals. Columns of different types make the rows records, and the array
#           one-dimensional. One row of three values and three rows of one value are the same array, and a line that begins
#           with "#" is left out, so that answers no longer line up with lines.
# Output:   1,,3                 [1, 0, 3]                        shape (3,)
#           1,,3 / 4,5,6         [[1, -1, 3], [4, 5, 6]]          shape (2, 3)
#           1,,3 / 4,5.5,6       [(1, nan, 3), (4, 5.5, 6)]       shape (2,)
#           1,2,3                [1, 2, 3]                        shape (3,)
#           1 / 2 / 3            [1, 2, 3]                        shape (3,)
#           1,2 / #3,4 / 5,6     [[1, 2], [5, 6]]                 shape (2, 2)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check sagemaker-inference==1.10.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys

from sagemaker_inference import decoder

seen = []
for lines in (["1,,3"], ["1,,3", "4,5,6"], ["1,,3", "4,5.5,6"], ["1,2,3"], ["1", "2", "3"], ["1,2", "#3,4", "5,6"]):
    array = decoder.decode("\n".join(lines) + "\n", "text/csv")
    print(f"{' / '.join(lines):20} {str(array.tolist()):32} shape {array.shape}")
    seen.append(str(array.tolist()))
if seen != [
    "[1, 0, 3]",
    "[[1, -1, 3], [4, 5, 6]]",
    "[(1, nan, 3), (4, 5.5, 6)]",
    "[1, 2, 3]",
    "[1, 2, 3]",
    "[[1, 2], [5, 6]]",
]:
    sys.exit(f"The behaviour has changed: {seen}")
PYTHON
