"""Commands on a terminal."""

import signal


def heed_sigint() -> None:
    """Let a new process end by Ctrl-C, also if the tests are a background job, whose processes ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
