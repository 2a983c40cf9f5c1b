"""What the name of an instance type says about it."""

from __future__ import annotations

# SageMaker SDK, volume_size_supported: these families, and those with a d (m5d, p4d, g4dn), have their own storage.
_WITH_STORAGE = ("g5", "g6", "g7e", "p5", "p6-b200", "trn1", "trn2")


def has_own_storage(instance_type: str) -> bool:
    """Whether `instance_type` (ml.<family>.<size>) has local storage, which its hardware encrypts.

    SageMaker attaches no volume to it, and refuses a key for one. False for what is no such name.
    """
    prefix, _, rest = instance_type.partition(".")
    family = rest.partition(".")[0]
    return prefix == "ml" and ("d" in family or family.startswith(_WITH_STORAGE))
