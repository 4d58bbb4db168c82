"""A missing peer skips with its reason, or fails where peers are required."""

from pathlib import Path

import pytest

from tests.peers import require


def test_what_is_there_is_no_reason_to_skip(tmp_path: Path) -> None:
    require(tmp_path, "never said")
    require(True, "never said")


@pytest.mark.parametrize("missing", [None, False, Path("/nonexistent/anywhere")])
def test_what_is_missing_skips_and_says_why(missing: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLAD_REQUIRE_PEERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no such program"):
        require(missing, "no such program")


def test_what_is_missing_fails_where_peers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLAD_REQUIRE_PEERS", "1")
    with pytest.raises(pytest.fail.Exception, match="no such program"):
        require(None, "no such program")
