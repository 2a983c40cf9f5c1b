#!/usr/bin/env bash
# Library:  NumPy 2.4.6, numpy.random.default_rng with a list of integers as its seed.
# Guess:    default_rng([seed, worker]) or default_rng([seed, epoch]) is another stream than default_rng(seed), as the list
#           is another seed.
# Found:    Trailing zeros do not count: [7], [7, 0] and [7, 0, 0] are the stream of 7, so the first worker or epoch repeats
#           what the plain seed drew elsewhere. Nor does it matter where a large seed is cut: [0, 7] is the stream of 7 * 2**32.
#           Children of SeedSequence(7).spawn() do not clash.
# Output:   7           0.6250954666
#           [7]         0.6250954666
#           [7, 0]      0.6250954666
#           [7, 0, 0]   0.6250954666
#           [7, 1]      0.7701409510
#           spawned     0.7978591868
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np


def first(seed):
    return np.random.default_rng(seed).random()


for seed in (7, [7], [7, 0], [7, 0, 0], [7, 1], 7 * 2**32, [0, 7]):
    print(f"{str(seed):12} {first(seed):.10f}")
spawned = first(np.random.SeedSequence(7).spawn(1)[0])
print(f"{'spawned':12} {spawned:.10f}")
same = first(7) == first([7]) == first([7, 0]) == first([7, 0, 0])
cut = first([0, 7]) == first(7 * 2**32)
others = len({first(7), first([7, 1]), first([0, 7]), spawned}) == 4
if not (same and cut and others):
    sys.exit(f"The behaviour has changed: same {same}, cut {cut}, others differ {others}")
PYTHON
