#!/usr/bin/env bash
# Library:  Keras 3.15.1, metrics=["accuracy"] of several classes, with JAX 0.10.2 below it (so was it with TensorFlow 2.21.0).
# Guess:    Accuracy counts how often the largest output stands where the label says; 16-bit outputs, as the policies
#           mixed_bfloat16 and mixed_float16 make them, can blur which output is largest, and no more than that.
# Found:    The label and the place of the largest output are both turned into the outputs' type before they are compared.
#           bfloat16 holds whole numbers exactly up to 256 and float16 up to 2048, so class 514 is class 512, 513 and 515, and
#           from 65,520 on all of float16's are infinity, and equal. A network that answers with the next class, always, is
#           right in half of the cases, with a clear maximum; the more so the more classes there are, and where neighbours are
#           alike (the dogs of ImageNet), the more mistakes are hits. So it is with one-hot labels, of 0 and 1, too.
# Output:   answering with the next class   float32  bfloat16  float16
#           250 classes                     0.00     0.00      0.00
#           1,000 classes                   0.00     0.50      0.00
#           50,000 classes                  0.00     0.96      0.88
#           128,000 classes                 0.00     0.99      0.96
#           128,000 classes, one-hot        0.00     0.99      0.96
#           evaluate() of a network with 1,000 classes: accuracy 0.49 with mixed_bfloat16, 0.00 by its own predictions
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check keras==3.15.1 jax==0.10.2 numpy==2.4.6
cd "$work"
KERAS_BACKEND=jax "$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import keras
import numpy as np

TYPES = ("float32", "bfloat16", "float16")


def accuracy(metric, labels, outputs):
    metric.update_state(labels, outputs)
    return round(float(metric.result()), 2)


print("answering with the next class   float32  bfloat16  float16")
seen = {}
for classes in (250, 1_000, 50_000, 128_000):
    labels = np.linspace(0, classes - 1, min(classes, 200), dtype=np.int32)
    answers = keras.ops.one_hot((labels + 1) % classes, classes)
    outputs = {each: keras.ops.cast(answers, each) for each in TYPES}
    rows = {f"{classes:,} classes": (keras.metrics.SparseCategoricalAccuracy, labels)}
    if classes == 128_000:
        rows[f"{classes:,} classes, one-hot"] = (keras.metrics.CategoricalAccuracy, keras.ops.one_hot(labels, classes))
    for title, (metric, given) in rows.items():
        seen[title] = [accuracy(metric(), given, outputs[each]) for each in TYPES]
        print(f"{title:31} " + "".join(f"{value:<9.2f}" for value in seen[title]).rstrip())

keras.config.set_dtype_policy("mixed_bfloat16")
model = keras.Sequential([keras.Input((1_000,)), keras.layers.Dense(1_000, use_bias=False)])
model.set_weights([np.roll(np.eye(1_000, dtype=np.float32), 1, axis=1)])
model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
images, labels = np.eye(1_000, dtype=np.float32), np.arange(1_000)
reported = model.evaluate(images, labels, verbose=0, return_dict=True)["accuracy"]
true = (model.predict(images, verbose=0).argmax(axis=1) == labels).mean()
print(f"evaluate() of a network with 1,000 classes: accuracy {reported:.2f} with mixed_bfloat16,", end=" ")
print(f"{true:.2f} by its own predictions")
wrong = [seen["1,000 classes"][1], reported]
wrong += [value for title, row in seen.items() if "000 classes" in title and title != "1,000 classes" for value in row[1:]]
exact = [seen["1,000 classes"][2], true, *seen["250 classes"], *(row[0] for row in seen.values())]
if any(exact) or min(wrong) < 0.4 or min(wrong[2:]) < 0.8:
    sys.exit(f"The behaviour has changed: {seen}, {reported}")
PYTHON
