"""Sessions that fail: their connections are made again, and leave nothing behind."""

from pathlib import Path

from inferfleet.sessions import Ended, Line, Session, Streams
from inferfleet.sessions import stream as module

DROPPED = "echo 'kex_exchange_identification: Connection closed by remote host' >&2; exit 255"


def finished(streams):
    """Return what arrives until all sessions have ended."""
    items = []
    while streams.running:
        items += streams.items(60)
    return items


def open_files():
    return len([*Path("/proc/self/fd").iterdir()])


def shell(command):
    return Session("n1", ("sh", "-c", command))


def test_sessions_that_are_restarted_leave_no_open_files():
    with Streams([shell("exit 1")]) as streams:
        finished(streams)
        before = open_files()
        for _ in range(20):
            streams.restart(shell("exit 1"))
            finished(streams)
        assert open_files() <= before


def test_connection_that_a_server_drops_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PAUSES", (0.01, 0.01))
    command = f"echo >> {tmp_path}/tries; [ $(wc -l < {tmp_path}/tries) -gt 2 ] && echo yes || {{ {DROPPED}; }}"
    with Streams([shell(command)]) as streams:
        assert finished(streams) == [Line("n1", "yes"), Ended("n1", "")]


def test_other_errors_are_reported_at_once(tmp_path):
    command = f"echo >> {tmp_path}/tries; echo 'Permission denied (publickey).' >&2; exit 255"
    with Streams([shell(command)]) as streams:
        assert finished(streams) == [Ended("n1", "Permission denied (publickey).")]
    assert (tmp_path / "tries").read_text() == "\n"


def test_dropped_connection_is_reported_in_the_end(monkeypatch):
    monkeypatch.setattr(module, "_PAUSES", (0.01,))
    with Streams([shell(DROPPED)]) as streams:
        [ended] = finished(streams)
    assert ended.reason.endswith("Connection closed by remote host")


def test_program_that_does_not_exist():
    with Streams([Session("n1", ("/does/not/exist",))]) as streams:
        [ended] = finished(streams)
    assert "/does/not/exist" in ended.reason
