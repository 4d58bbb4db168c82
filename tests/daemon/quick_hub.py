"""`slad hub run` as a process for tests: on a quick tick, with a clerk and deliveries that look often. `python -m tests.daemon.quick_hub CONFIG`."""

import asyncio
import os
import sys
from pathlib import Path

from daemon import logs
from daemon.app.hub import run_hub
from daemon.statements import clerk, delivering
from tests.daemon.quick import TICK_US

if __name__ == "__main__":
    logs.set_up("json")
    clerk.LOOK_S = delivering.LOOK_S = 0.2  # type: ignore[misc]
    asyncio.run(run_hub(Path(sys.argv[1]), os.environ, tick_us=TICK_US))
