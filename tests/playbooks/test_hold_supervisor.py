"""Role supervisor: hold and release of a supervisor whose head node does not answer."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]

# Fails like a member that cannot reach its head node.
_COMMAND = "#!/bin/sh\necho \"$1\" >> '{log}'\nexit 1\n"
# The socket disappears with the unit, as RuntimeDirectory= does it.
_SYSTEMCTL = """\
#!/bin/sh
case "$1" in
  show) printf 'LoadState=loaded\\nActiveState=%s\\n' "$([ -e '{socket}' ] && echo active || echo inactive)" ;;
  stop) echo "$*" >> '{log}'; rm '{socket}' ;;
  start) echo "$*" >> '{log}'; touch '{socket}' ;;
esac
"""


def _program(path: Path, content: str) -> Path:
    path.write_text(content)
    path.chmod(0o755)
    return path


def test_a_supervisor_that_the_run_stopped_runs_again_after_its_release(tmp_path: Path) -> None:
    socket, log = tmp_path / "supervisor.sock", tmp_path / "log"
    socket.touch()
    command = _program(tmp_path / "inferfleet-supervisor", _COMMAND.format(log=log))
    _program(tmp_path / "systemctl", _SYSTEMCTL.format(log=log, socket=socket))
    steps = [
        {"ansible.builtin.include_role": {"name": "supervisor", "tasks_from": step}}
        for step in ("hold", "hold", "release")  # the second one before the previous service is restored
    ]
    given = {"__supervisor_command": str(command), "__supervisor_socket": str(socket)}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": steps}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    (tmp_path / "vars.yml").write_text(yaml.safe_dump({**given, "ansible_python_interpreter": sys.executable}))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-e", f"@{tmp_path}/vars.yml", tmp_path / "play.yml"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    unit = "inferfleet-supervisor.service"
    assert log.read_text().splitlines() == ["hold", f"stop {unit}", f"start {unit}", "release"]
