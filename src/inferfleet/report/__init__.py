"""The report: one HTML file about a fleet, its service and what was proved, measured and evaluated."""

from inferfleet.report.content import Content, make_content
from inferfleet.report.page import render

__all__ = ["Content", "make_content", "render"]
