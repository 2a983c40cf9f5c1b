"""Every mutation: importing the modules puts theirs on the list."""

from tests.infra.regressions import buckets, permissions, stores, structural, surroundings, trust, watching
from tests.infra.regressions.mutation import MUTATIONS

MODULES = (buckets, stores, trust, permissions, surroundings, watching, structural)

__all__ = ["MODULES", "MUTATIONS"]
