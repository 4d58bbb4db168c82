"""The languages that statements speak."""

from typing import Literal

LanguageName = Literal["en", "fr", "en_CA", "fr_CA"]
"""A language, as it is written anywhere or in Canada."""
