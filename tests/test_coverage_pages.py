"""The pages that map rules to code and tests name what is there."""

import pytest

from tests.support.coverage_page import rows_of, wrong_names

PAGES = {"screens-coverage.md": 80, "workflow-coverage.md": 60}


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_rule_of_a_coverage_page_has_code_and_a_test_that_are_there(page: str) -> None:
    assert len(rows_of(page)) >= PAGES[page]
    assert wrong_names(page) == []
