"""A name as somebody gives it who means harm."""

from typing import Final

HOSTILE: Final = "x\x1b]0;t\x07\x9b31m[red]y[/red]\u202e\u2028\u200b\U000e0041\ufeff\u3164\x7f\r\nFORGED"
"""What steers terminals, hides, marks up, and forges a line."""
