"""What the configuration uses of HAProxy exists in the oldest supported version, 2.4.

tests/fixtures/haproxy/known-in-2.4.yml lists names that were looked up in the manual of 2.4; add one only after that.
"""

import re
from pathlib import Path

import yaml
from tests.unit.gateway.plans import plan

from inferfleet.gateway import Limits, Monitoring, Paths, Webui, backends_of, render_config

KNOWN = Path(__file__).parents[2] / "fixtures/haproxy/known-in-2.4.yml"
SECTIONS = ("global", "defaults", "frontend", "backend")
WITH_NAME = ("no", "option", "timeout", "http-request", "http-check", "http-error", "stats")
SAMPLES = re.compile(r"(?<![\w.-])([a-z][a-z0-9_.]*)\(")


def lines() -> list[str]:
    """Return the lines of a complete configuration that HAProxy 2.4 reads."""
    paths = Paths("/etc/inferfleet/gateway", "/run/inferfleet-gateway/admin.sock")
    plans = [plan("deepseek-r1", host, max_num_seqs=64) for host in ("a1", "b1")]
    monitoring = Monitoring(8445, "10.0.0.1:8409", "10.0.0.1:8410", "10.0.0.1", "0" * 64, 8407)
    limits = Limits(4194304, 8404, check_port=8405, address6="::")
    text = render_config(backends_of(plans), 8443, limits, paths, "key", Webui(8444, "10.0.0.1:3000"), monitoring)
    read, newer = [], [False]
    for line in map(str.strip, text.splitlines()):
        if line.startswith(".if"):
            newer.append(newer[-1] or "version_atleast" in line)
        elif line == ".else":
            newer[-1] = newer[-2]
        elif line == ".endif":
            newer.pop()
        elif line and not line.startswith("#") and not newer[-1]:
            read.append(line)
    return read


def used() -> dict[str, set[str]]:
    """Return the names of directives, and of sample fetches and converters with arguments."""
    words = [[word.partition("(")[0] for word in line.split()] for line in lines()]
    directives = {" ".join(line[: 2 if line[0] in WITH_NAME else 1]) for line in words if line[0] not in SECTIONS}
    return {"directives": directives, "samples": {name for line in lines() for name in SAMPLES.findall(line)}}


def test_names_were_looked_up() -> None:
    known = {kind: {*names} for kind, names in yaml.safe_load(KNOWN.read_text()).items()}
    assert {kind: names - known[kind] for kind, names in used().items()} == {"directives": set(), "samples": set()}


def test_list_has_no_other_names() -> None:
    assert {kind: {*names} for kind, names in yaml.safe_load(KNOWN.read_text()).items()} == used()


def test_newer_names_are_in_conditions() -> None:
    assert not any("lua" in line or "thread-hard-limit" in line for line in lines())
    assert "nbthread 4" in lines()
