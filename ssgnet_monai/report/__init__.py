"""The report: from the results of a run to one self-contained page and one JSON file."""

from ssgnet_monai.report.page import write_report

__all__ = ["write_report"]
