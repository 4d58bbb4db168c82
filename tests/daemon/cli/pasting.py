"""What a statement in text says, and what comes of the commands in it in a shell of somebody else's."""

import os
import re
import subprocess
import sys
from pathlib import Path


def said(text: str, label: str) -> str:
    (line,) = re.findall(f"^ +{label} +(.*)$", text, re.MULTILINE)
    return str(line)


def pasted(folder: Path, *commands: str) -> str:
    """What commands print that somebody pastes into a shell, in a folder of his own."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ended = subprocess.run(
        ["/bin/sh", "-ec", "\n".join(commands)],
        cwd=folder,
        env={"PATH": path, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ended.stdout
