"""What a summary says of the network."""

import pytest

from inferfleet.cli.fabric_rows import fabric_rows
from inferfleet.cli.row import Row


def test_rows_of_a_report():
    rows = [{"label": "n1 → n2", "text": "90 of 200 Gbit/s, 0.05 ms"}, {"label": "", "text": "and 3 faster pairs"}]
    assert fabric_rows({"rows": rows, "ok": False}) == [
        Row("n1 → n2", "90 of 200 Gbit/s, 0.05 ms"),
        Row("", "and 3 faster pairs"),
    ]


@pytest.mark.parametrize("report", [None, {}, [], "x", {"rows": 3}, {"rows": ["x", None]}])
def test_other_things_have_none(report):
    assert fabric_rows(report) == []
