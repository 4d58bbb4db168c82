"""The matrix of faults tells the truth: each row has a test that is there, and README shows it as it is."""

import ast
from pathlib import Path

import pytest

from tests.faults.matrix import MATRIX, TESTS, Row, table

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize("row", MATRIX, ids=[row.fault[:40] for row in MATRIX])
def test_each_row_has_tests_that_are_there(row: Row) -> None:
    assert row.tests
    for test in row.tests:
        file, _, name = test.partition("::")
        tree = ast.parse((TESTS / file).read_text())
        found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in found, test


def test_the_readme_shows_the_matrix() -> None:
    assert table() in README.read_text(), "python -m tests.faults.matrix prints it"
