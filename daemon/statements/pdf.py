"""A statement as a PDF, by typst: tagged, dated by what was known, with the fonts that typst brings; the same bytes anywhere."""

import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from daemon.config.pictures import Picture
from daemon.statements.layouts import LayoutError
from daemon.statements.view import View
from sla.instants import SECOND, parse_instant

_TEMPLATE: Final = Path(__file__).parent / "templates" / "statement.typ"


def pdf_of(view: View, logo: Picture | None) -> bytes:
    """The statement as the bytes of a PDF. Raises LayoutError where typst is not installed.

    Texts reach typst as values of JSON, so that none of them is ever its syntax.
    """
    try:
        from typst import compile as compiled
    except ImportError:
        raise LayoutError(
            "a PDF needs typst, which is not installed: install slad with its extra, slad[report]"
        ) from None
    values = {**asdict(view), "logo": None if logo is None else f"logo.{logo.kind}"}
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "statement.typ").write_bytes(_TEMPLATE.read_bytes())
        (root / "view.json").write_text(json.dumps(values), encoding="utf-8")
        if logo is not None:
            (root / f"logo.{logo.kind}").write_bytes(logo.content)
        try:
            made = compiled(
                root / "statement.typ",
                root=root,
                ignore_system_fonts=True,
                timestamp=parse_instant(view.as_of) // SECOND,
            )
        except RuntimeError as error:
            raise LayoutError(f"the PDF cannot be made: {error}") from error
    assert isinstance(made, bytes), "one document"
    return made
