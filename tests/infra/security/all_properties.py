"""Every property: importing the modules puts theirs on the list."""

from tests.infra.security import access, events, network, roles, stored_data
from tests.infra.security.properties import PROPERTIES

MODULES = (stored_data, access, roles, network, events)

__all__ = ["MODULES", "PROPERTIES"]
