"""package_hold without packages; the role tests hold real ones."""

import pytest


@pytest.fixture(scope="module")
def package_hold(load):
    return load("package_hold")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["docker-ce"], ["docker-ce"]),
        (["docker-*"], ["docker-ce", "docker-ce-cli"]),
        (["*"], ["docker-ce", "docker-ce-cli", "libc6"]),
        (["docker", "docker.ce"], []),
    ],
)
def test_matching_names(package_hold, names, found):
    assert package_hold.matching(names, ["libc6", "docker-ce", "docker-ce-cli"]) == found


class Rpm:
    """A node with rpm; the outputs are those of Rocky Linux 9."""

    check_mode = False

    def run_command(self, argv, **_):
        assert argv[0] == "rpm"
        return 0, "docker-ce 3:26.1.3-1.el9\ndocker-ce-cli 1:26.1.3-1.el9\nbash 0:5.1.8-9.el9\n", ""


def test_locks_of_dnf_simulated(package_hold, monkeypatch, tmp_path):
    monkeypatch.setattr(package_hold, "RECORD", str(tmp_path / "held"))
    monkeypatch.setattr(package_hold, "LOCKS", str(tmp_path / "versionlock.list"))
    monkeypatch.setattr(package_hold.shutil, "which", lambda _: None)
    locks = tmp_path / "versionlock.list"
    locks.write_text("bash-0:5.1.8-9.el9.*\n")
    assert package_hold.hold(Rpm(), ["docker-ce", "docker-ce-cli"], True) == (True, ["docker-ce", "docker-ce-cli"])
    assert locks.read_text().splitlines() == [
        "bash-0:5.1.8-9.el9.*",
        "docker-ce-3:26.1.3-1.el9.*",
        "docker-ce-cli-1:26.1.3-1.el9.*",
    ]
    assert package_hold.hold(Rpm(), ["docker-ce", "bash"], True) == (False, ["bash", "docker-ce"])
    assert package_hold.hold(Rpm(), ["*"], False) == (True, ["bash"])  # bash was held before us
    assert locks.read_text() == "bash-0:5.1.8-9.el9.*\n"
