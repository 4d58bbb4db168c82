"""`slad hub run` as a process for tests: `python -m tests.daemon.quick_hub CONFIG`.

On a quick tick, with a clerk and deliveries that look often; a session that says nothing ends soon, and a server that is down is
told at once.
"""

import asyncio
import os
import sys
from pathlib import Path
from unittest.mock import patch

from daemon import logs
from daemon.alerts import outages
from daemon.alerts.conditions import servers
from daemon.app.hub import run_hub
from daemon.hub import session, tail
from daemon.statements import clerk, delivering
from tests.daemon.quick import TICK_US

if __name__ == "__main__":
    for module, name, value in (
        (session, "IDLE_S", 3),
        (tail, "IDLE_S", 3),
        (servers, "DOWN_FOR_US", 0),
        (outages, "DOWN_FOR_US", 0),
    ):
        patch.object(module, name, value).start()
    logs.set_up("json")
    clerk.LOOK_S = delivering.LOOK_S = 0.2  # type: ignore[misc]
    asyncio.run(run_hub(Path(sys.argv[1]), os.environ, tick_us=TICK_US))
