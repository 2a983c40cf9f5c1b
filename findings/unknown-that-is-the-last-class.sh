#!/usr/bin/env bash
# Library:  Keras 3.15.1 with TensorFlow 2.21.0, model.export(format="onnx"), which is tf2onnx 1.17.0, and ONNX Runtime 1.32.0.
# Guess:    The exported network computes what the network computes, and where ONNX has no such operation the export fails.
# Found:    Three operations on negative whole numbers become ones of a like name, without a warning. one_hot(-1), the usual
#           mark of an unknown category, is no class in Keras and the last class in ONNX, which counts from the end; a floor
#           division is cut off towards zero, and a remainder gets the dividend's sign. From 0 on all agree, so a test with
#           known categories finds nothing. Floats are divided with a floor.
# Output:   of                  -4         -3         -2         -1         0          1          2          3
#           one_hot(x, 3)  Cast  OneHot
#             Keras             no class   no class   no class   no class   class 0    class 1    class 2    no class
#             ONNX              no class   class 0    class 1    class 2    class 0    class 1    class 2    no class
#           x // 3  Div
#             Keras             -2         -1         -1         -1         0          0          0          1
#             ONNX              -1         -1         0          0          0          0          0          1
#           x % 3  Div  Mul  Sub
#             Keras             2          0          1          2          0          1          2          0
#             ONNX              -1         0          -2         -1         0          1          2          0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check keras==3.15.1 \
    "tensorflow-cpu==2.21.0; platform_machine == 'x86_64'" "tensorflow==2.21.0; platform_machine != 'x86_64'" \
    tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
export KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=
"$work/venv/bin/python" -W ignore - 2>"$work/log" <<'PYTHON' || { tail -n 5 "$work/log" >&2; exit 1; }
import sys

import keras
import numpy as np
import onnx
import onnxruntime

NUMBERS = np.arange(-4, 4, dtype=np.int32)
OPERATIONS = {
    "one_hot(x, 3)": lambda x: keras.ops.one_hot(x, 3),
    "x // 3": lambda x: keras.ops.floor_divide(x, 3),
    "x % 3": lambda x: keras.ops.mod(x, 3),
}
EXPECTED = {"x // 3": NUMBERS // 3, "x % 3": NUMBERS % 3}
FOUND = {"x // 3": [-1, -1, 0, 0, 0, 0, 0, 1], "x % 3": [-1, 0, -2, -1, 0, 1, 2, 0]}


def readable(values):
    if values.ndim == 1:
        return values.tolist()
    return [f"class {row.argmax()}" if row.any() else "no class" for row in values]


print(f"{'of':20}" + "".join(f"{number:<11}" for number in NUMBERS).rstrip())
changed = []
for title, operation in OPERATIONS.items():
    given = keras.Input((), dtype="int32")
    model = keras.Model(given, operation(given))
    keras_values = np.asarray(model(NUMBERS))
    model.export("model.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: NUMBERS}
    (onnx_values,) = session.run(None, feed)
    kinds = {node.op_type for node in onnx.load("model.onnx").graph.node}
    print(title, *sorted(kinds), sep="  ")
    for name, values in (("Keras", keras_values), ("ONNX", onnx_values)):
        print(f"  {name:18}" + "".join(f"{value!s:<11}" for value in readable(values)).rstrip())
    if title in EXPECTED:
        right = keras_values.tolist() == EXPECTED[title].tolist() and onnx_values.tolist() == FOUND[title]
    else:
        ends = [np.zeros((4, 3)), np.eye(3), np.zeros((1, 3))]
        right = (keras_values == np.vstack(ends)).all() and (onnx_values[1:4] == np.eye(3)).all()
        right = right and (onnx_values[4:] == keras_values[4:]).all()
    if not right or not kinds & {"OneHot", "Div"}:
        changed.append((title, kinds, onnx_values.tolist()))
if changed:
    sys.exit(f"The behaviour has changed: {changed}")
PYTHON
