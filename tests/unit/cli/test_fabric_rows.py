"""Network rows of the summary."""

import pytest

from inferfleet.cli.commands.fabric import fabric_rows
from inferfleet.cli.output.row import Row
from inferfleet.messages import Message


def test_rows_of_a_report():
    measured = Message("", "{rate} of {link} Gbit/s, {latency} ms", rate="90", link="200", latency="0.05")
    rows = [{"label": "n1 → n2", "text": measured.as_dict()}, {"label": "", "text": "and 3 faster pairs"}]
    assert fabric_rows({"rows": rows, "ok": False}) == [
        Row("n1 → n2", "90 of 200 Gbit/s, 0.05 ms"),
        Row("", "and 3 faster pairs"),
    ]


@pytest.mark.parametrize("report", [None, {}, [], "x", {"rows": 3}, {"rows": ["x", None]}])
def test_invalid_report_has_no_rows(report):
    assert fabric_rows(report) == []
