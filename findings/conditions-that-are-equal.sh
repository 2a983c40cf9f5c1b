#!/usr/bin/env bash
# Library:  SageMaker Python SDK v3: sagemaker-mlops 1.27.0 and sagemaker-core 2.27.0 (of sagemaker 3.27.0).
# Guess:    Conditions and retry policies are attrs classes and compare by their contents: equal ones are equal, others are not.
# Found:    ConditionEquals and its like do. ConditionIn, ConditionNot and ConditionOr are equal to any other of their kind,
#           and a policy for throttling equals one for service faults: the subclasses' own fields are not compared. A test that
#           asserts equality cannot fail, and a set of two policies keeps one.
# Output:   equals a / equals b                   equal: False
#           in ['a'] / in ['b', 'c']              equal: True
#           not equals a / not equals b           equal: True
#           or [] / or [equals a]                 equal: True
#           retry throttling / retry faults       equal: True
#           policies in a set of the two: 1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    sagemaker-core==2.27.0 graphene==3.4.3 docker==7.2.0 tqdm==4.70.1 psutil==7.2.2
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --no-deps \
    sagemaker-mlops==1.27.0 sagemaker-train==1.27.0 sagemaker-serve==1.27.0
cd "$work"
AWS_DEFAULT_REGION=us-east-1 "$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

from sagemaker.core.workflow.conditions import ConditionEquals, ConditionIn, ConditionNot, ConditionOr
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.mlops.workflow.retry import StepExceptionTypeEnum, StepRetryPolicy

kind = ParameterString("Kind", default_value="a")
throttling = StepRetryPolicy([StepExceptionTypeEnum.THROTTLING], max_attempts=2)
faults = StepRetryPolicy([StepExceptionTypeEnum.SERVICE_FAULT], max_attempts=2)
pairs = {
    "equals a / equals b": (ConditionEquals(kind, "a"), ConditionEquals(kind, "b")),
    "in ['a'] / in ['b', 'c']": (ConditionIn(kind, ["a"]), ConditionIn(kind, ["b", "c"])),
    "not equals a / not equals b": (
        ConditionNot(ConditionEquals(kind, "a")),
        ConditionNot(ConditionEquals(kind, "b")),
    ),
    "or [] / or [equals a]": (ConditionOr([]), ConditionOr([ConditionEquals(kind, "a")])),
    "retry throttling / retry faults": (throttling, faults),
}
seen = []
for name, (left, right) in pairs.items():
    assert left.to_request() != right.to_request()
    seen.append(left == right)
    print(f"{name:37} equal: {left == right}")
print("policies in a set of the two:", len({throttling, faults}))
if seen != [False, True, True, True, True] or len({throttling, faults}) != 1:
    sys.exit("The behaviour has changed.")
PYTHON
