"""What users are given, built from this checkout: the wheel and the Debian package, each as `make` builds it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")
BUILD_S = 600


def built_wheel(folder: Path) -> Path:
    """The wheel, in a folder."""
    options = ("--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT))
    subprocess.run([sys.executable, *PIP, "wheel", *options], check=True, timeout=BUILD_S)
    (wheel,) = folder.glob("*.whl")
    return wheel


def built_files(folder: Path) -> dict[str, str]:
    """The manual and the mixin, in a folder: where `deploy/install` finds each."""
    manual, mixin = str(folder / "manual"), str(folder / "mixin")
    for build in (("deploy.manual.build", manual, "2026-12-01"), ("deploy.mixin.build", mixin)):
        subprocess.run([sys.executable, "-m", *build], check=True, cwd=ROOT, timeout=BUILD_S)
    return {"MANUAL": manual, "MIXIN": mixin}


def built_deb(folder: Path) -> Path:
    """The package for this machine's Debian, in a folder."""
    wheel = built_wheel(folder / "wheel")
    places = {"DIST": str(folder), "BUILD": str(folder / "build"), **built_files(folder)}
    build = (ROOT / "deploy/debian/build", wheel)
    subprocess.run(build, check=True, env=os.environ | places, timeout=BUILD_S)
    (deb,) = folder.glob("*.deb")
    return deb
