"""The error of the lab: a one-line problem with its remedy."""


class LabError(Exception):
    """The lab cannot continue; the text is one line that ends with the remedy."""
