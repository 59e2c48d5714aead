"""The page that says of each field of Istio what becomes of it is that of the code."""

from pathlib import Path

import pytest

from hybridmesh.config.export import reference_page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "istio.md"


def test_the_page_is_that_of_the_message_classes():
    assert reference_page() == PAGE.read_text(), (
        "run python -m hybridmesh.config.export docs/reference"
    )


ROWS = [
    "| `redirect` | done | [HTTPRedirect](#httpredirect) |",
    "| `mirrorPercent` | done | also `mirror_percent` |",
    "| `statPrefix` | no effect | it names a counter of Envoy's |",
    "| `tcp` | refused | this gateway speaks HTTP |",
    "| `prefix` | differs | must not be empty, not even for `uri` |",
    "| `AuthorizationPolicy` (security.istio.io) | refused |",
]


@pytest.mark.parametrize("row", ROWS)
def test_each_state_is_shown(row):
    assert row in reference_page().splitlines()
