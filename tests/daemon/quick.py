"""`slad run` as a process for tests: `quick.py CONFIG`, the daemon with a tick of a tenth of a second."""

import os
import sys
from pathlib import Path

from daemon import app, logs
from daemon.cli.run import to_its_end
from sla.instants import SECOND

TICK_US = SECOND // 10


def main() -> None:
    """What `slad run --log-format json` does."""
    logs.set_up("json")
    to_its_end(lambda: app.run(Path(sys.argv[1]), os.environ, tick_us=TICK_US))


if __name__ == "__main__":
    main()
