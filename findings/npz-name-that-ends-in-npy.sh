#!/usr/bin/env bash
# Library:  NumPy 2.4.6, .npz archives.
# Guess:    An archive gives back each array under the name it was saved as; a clash of names is an error.
# Found:    With "w" and "w.npy" in one archive, archive["w.npy"] is the array of "w". savez adds ".npy" to every name, and
#           reading tries the member's full name first: the second array is stored and cannot be reached by its name.
#           items() lists both names with the first array.
# Output:   files ['w', 'w.npy']
#           w       [0. 0.]
#           w.npy   [0. 0.]      saved as [1. 1. 1.]
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np

np.savez("weights.npz", **{"w": np.zeros(2), "w.npy": np.ones(3)})
with np.load("weights.npz", allow_pickle=False) as archive:
    print("files", archive.files)
    shapes = {}
    for name, array in archive.items():
        print(f"{name:7} {array}")
        shapes[name] = array.shape
if shapes != {"w": (2,), "w.npy": (2,)}:
    sys.exit(f"The behaviour has changed: {shapes}")
PYTHON
