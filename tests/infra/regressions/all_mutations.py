"""Every mutation: importing the modules puts theirs on the list."""

from tests.infra.regressions import buckets, permissions, stores, surroundings, trust, watching
from tests.infra.regressions.mutation import MUTATIONS

MODULES = (buckets, stores, trust, permissions, surroundings, watching)

__all__ = ["MODULES", "MUTATIONS"]
