"""The table of operations: routes, the OpenAPI document and the client are made of it, and no path is written elsewhere."""

from typing import Final

from daemon.control.fleet_operations import FLEET_OPERATIONS
from daemon.control.link_operations import LINK_OPERATIONS
from daemon.control.record_operations import RECORD_OPERATIONS

OPERATIONS: Final = (*FLEET_OPERATIONS, *RECORD_OPERATIONS, *LINK_OPERATIONS)
