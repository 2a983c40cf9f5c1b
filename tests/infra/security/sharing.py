"""Models of another stack: which lines of permission its parameters add, as permissions.txt has them."""

from __future__ import annotations

from infra.resolving import REGION, ResolvedStack, resolve_template
from tests.infra.security.properties import EVERYTHING, Problems, must

READER, OWNER = "222233334444", "555566667777"
THEIRS = f"arn:aws:sagemaker:{REGION}:{OWNER}"
THEIR_BUCKET = f"arn:aws:s3:::fashion-mnist-staging-{OWNER}-{REGION}"
THEIR_KEY = f"arn:aws:kms:{REGION}:{OWNER}:key/0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"
GROUP_OF_OTHERS = f"{THEIRS}:model-package-group/fashion-mnist-staging"
FROM_OTHERS = {
    "ModelsProject": "fashion-mnist-staging",
    "ModelsAccountId": OWNER,
    "ModelsKeyId": THEIR_KEY.rpartition("/")[2],
}
VIA_S3 = "[StringEquals kms:ViaService s3.<region>.amazonaws.com]"
_MODELS = "fashion-mnist/executions/*/models/*"
_HERE, _THERE = "arn:aws:sagemaker:<region>:<account>", f"arn:aws:sagemaker:<region>:{OWNER}"
_READER = f"arn:aws:iam::{READER}:root"
ADDED_TO_OWNER = [
    f"allow {_READER} kms:Decrypt on *  {VIA_S3}",
    f"allow {_READER} s3:GetObject on arn:aws:s3:::fashion-mnist-<account>-<region>/{_MODELS}",
    f"allow {_READER} sagemaker:CreateModel on {_HERE}:model-package/fashion-mnist/*",
    f"allow {_READER} sagemaker:DescribeModelPackage on {_HERE}:model-package/fashion-mnist/*",
    f"allow {_READER} sagemaker:DescribeModelPackageGroup on {_HERE}:model-package-group/fashion-mnist",
    f"allow {_READER} sagemaker:ListModelPackages on {_HERE}:model-package-group/fashion-mnist",
    f"allow {_READER} sagemaker:ListModelPackages on {_HERE}:model-package/fashion-mnist/*",
    "ModelPackageGroup lets",
]
ADDED_TO_SERVER = [
    f"allow kms:Decrypt on arn:aws:kms:<region>:{OWNER}:key/{FROM_OTHERS['ModelsKeyId']}  {VIA_S3}",
    f"allow s3:GetObject on arn:aws:s3:::fashion-mnist-staging-{OWNER}-<region>/{_MODELS}",
    *(
        f"allow sagemaker:{action} on {_THERE}:{where}"
        for action in ("CreateModel", "DescribeModelPackage", "ListModelPackages")
        for where in ("model-package-group/fashion-mnist-staging", "model-package/fashion-mnist-staging/*")
    ),
]


@must
def models_are_shared_with_whom_it_is_asked_for_and_nothing_else_is(stack: ResolvedStack) -> Problems:
    from tests.infra.snapshot import permissions

    before = set(permissions(resolve_template(stack.template, EVERYTHING)).splitlines())
    for asked, wanted in (({"ReaderAccountId": READER}, ADDED_TO_OWNER), (FROM_OTHERS, ADDED_TO_SERVER)):
        lines = set(permissions(resolve_template(stack.template, {**EVERYTHING, **asked})).splitlines())
        found = sorted(line.strip() for line in lines - before)
        if found != sorted(wanted):
            yield f"with {sorted(asked)} there are besides: {sorted(set(found) ^ set(wanted))}"
