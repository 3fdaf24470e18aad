"""Nodes and a hub as network namespaces on one switch, each link shaped; needs root and iproute2."""

import subprocess
from pathlib import Path

HUB = "10.199.0.250"


def sh(command: str) -> str:
    """Run a command; raise with its output if it fails."""
    done = subprocess.run(command.split(), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr.strip()}")
    return done.stdout


class Links:
    """`lan` and `wan` in bytes a second: of every node in each direction, and of the hub for all together."""

    def __init__(self, nodes: int, lan: float, wan: float) -> None:
        self.nodes = [f"fan{n}" for n in range(1, nodes + 1)]
        self.lan, self.wan = lan, wan

    def __enter__(self) -> "Links":
        self.remove()
        # The switch has its own namespace, where Docker's firewall rules do not apply.
        sh("ip netns add fansw")
        sh("ip -n fansw link add fanbr type bridge")
        sh("ip -n fansw link set fanbr up")
        for number, name in enumerate([*self.nodes, "fanhub"], 1):
            rate = self.wan if name == "fanhub" else self.lan
            address = HUB if name == "fanhub" else self.address(number)
            sh(f"ip netns add {name}")
            sh(f"ip -n fansw link add {name}o type veth peer name {name}i netns {name}")
            sh(f"ip -n fansw link set {name}o master fanbr up")
            for line in (f"addr add {address}/24 dev {name}i", f"link set {name}i up", "link set lo up"):
                sh(f"ip -n {name} {line}")
            shape = f"root tbf rate {int(rate * 8)}bit burst {max(32_000, int(rate / 100))} latency 50ms"
            sh(f"ip netns exec {name} tc qdisc add dev {name}i {shape}")
            sh(f"ip netns exec fansw tc qdisc add dev {name}o {shape}")
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove everything, including the remains of a killed run."""
        for name in [*(f"fan{n}" for n in range(1, 65)), "fanhub", "fansw"]:
            if Path("/run/netns", name).exists():
                sh(f"ip netns del {name}")

    def address(self, number: int) -> str:
        """Return the address of the node with that number, from 1."""
        return f"10.199.0.{number}"

    def sent_by_hub(self) -> int:
        """Return the bytes that left the hub, headers included."""
        counter = "/sys/class/net/fanhubi/statistics/tx_bytes"
        return int(sh(f"ip netns exec fanhub cat {counter}"))


def inside(name: str) -> list[str]:
    """Return the prefix of a command line that runs it in a namespace."""
    return ["ip", "netns", "exec", name]


def wipe(folder: Path) -> None:
    """Delete the content of a folder."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.mkdir(parents=True)
