"""The report: one HTML file of a fleet, its services and their verification, benchmark and evaluation results."""

from inferfleet.report.content import Content, make_content
from inferfleet.report.page import render

__all__ = ["Content", "make_content", "render"]
