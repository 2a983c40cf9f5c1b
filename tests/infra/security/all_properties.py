"""Every property: importing the modules puts theirs on the list."""

from tests.infra.security import (
    accepted_values,
    access,
    events,
    fitting,
    network,
    roles,
    sharing,
    stored_data,
    structure,
)
from tests.infra.security.properties import PROPERTIES

MODULES = (stored_data, access, roles, network, events, structure, accepted_values, fitting, sharing)

__all__ = ["MODULES", "PROPERTIES"]
