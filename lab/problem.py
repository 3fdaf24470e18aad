"""The lab's one error: what is wrong and what to do, in one line."""


class LabError(Exception):
    """A reason why the lab cannot go on; its text is one line that ends with the remedy."""
