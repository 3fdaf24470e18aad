"""Kernel facts of accelerator_facts, from files in Linux's format."""

import pytest
from ansible.module_utils.accelerators import nvidia
from ansible.module_utils.accelerators.kernel import kernel_side
from ansible.module_utils.accelerators.kernel_log import kernel_log
from ansible.module_utils.accelerators.pci import acs_bridges, acs_control, pci_devices
from ansible.module_utils.processes import belongs_to_inferfleet

# The texts are recorded: the log of an A100 and an H100 server, /proc/driver/nvidia/version of both kinds of module.
LOG = """\
6,1,1000000,-;Linux version 6.8.0
4,900,3600000000,-;NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=python3, GPU has fallen off the bus.
 SUBSYSTEM=pci
4,901,3700000000,-;NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.
4,902,7000000000,-;NVRM: Xid (PCI:0000:5d:00): 63, pid=1896, Row Remapper: New row marked for remapping.
"""
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build\nGCC version:\n"
CLOSED = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.06  Wed Jun 26 06:46:07 UTC 2024\n"


@pytest.fixture
def node(tmp_path):
    def put(files):
        for path, text in files.items():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return str(tmp_path)

    return put


def device(address, vendor, kind, number="0x20b2"):
    folder = f"sys/bus/pci/devices/{address}"
    return {f"{folder}/vendor": f"{vendor}\n", f"{folder}/class": f"{kind}\n", f"{folder}/device": f"{number}\n"}


def test_pci_devices(node):
    root = node(
        {
            **device("0000:3b:00.0", "0x10de", "0x030200"),
            **device("0000:86:00.0", "0x10de", "0x068000"),
            **device("0000:01:00.0", "0x15b3", "0x020700"),
            **device("0000:c0:00.0", "0x1002", "0x120000"),
            **device("0000:02:00.0", "0x1002", "0x030000"),  # a processor's own graphics
            **device("0000:d0:00.0", "0x1ec8", "0x120000", "0x0100"),
        }
    )
    assert pci_devices(root, "") == {"accelerators": ["0000:3b:00.0"], "switches": ["0000:86:00.0"]}
    assert pci_devices(root, "amd") == {"accelerators": ["0000:c0:00.0"], "switches": []}
    assert pci_devices(root, "vastai") == {"accelerators": ["0000:d0:00.0"], "switches": []}
    assert pci_devices(root, "ascend") == {"accelerators": [], "switches": []}


@pytest.mark.parametrize(
    ("text", "version", "flavour"), [(OPEN, "580.159.04", "open"), (CLOSED, "535.183.06", "proprietary"), ("", "", "")]
)
def test_loaded_driver(node, text, version, flavour):
    facts = kernel_side(node({"proc/driver/nvidia/version": text}), "nvidia")
    assert (facts["module_version"], facts["module_flavour"]) == (version, flavour)


def test_libraries_modules_and_daemons(node):
    root = node(
        {
            "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1": "",
            "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.95.05": "",
            "sys/module/nouveau/refcnt": "0",
            "sys/module/nvidia_peermem/refcnt": "0",
            "proc/7/comm": "nv-fabricmanage\n",
            "proc/8/comm": "systemd\n",
            "proc/sys/kernel/osrelease": "6.8.0-45-generic\n",
            "sys/class/iommu/dmar0/x": "",
        }
    )
    facts = kernel_side(root, "nvidia")
    assert facts["library_version"] == "580.95.05"
    assert facts["modules"] == ["nouveau", "nvidia_peermem"]
    assert facts["daemons"] == ["nv-fabricmanager"]
    assert facts["kernel"] == "6.8.0-45-generic"
    assert facts["iommu"] is True


def test_errors_in_the_kernel_log(node):
    facts = kernel_side(node({"dev/kmsg": LOG, "proc/uptime": "10800.50 1.0\n"}), "nvidia")
    assert facts["events"] == [
        {
            "xid": 79,
            "bus": "0000:3b:00",
            "age_seconds": 7100,
            "count": 2,
            "text": "pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
        },
        {
            "xid": 63,
            "bus": "0000:5d:00",
            "age_seconds": 3800,
            "count": 1,
            "text": "pid=1896, Row Remapper: New row marked for remapping.",
        },
    ]


def test_unreadable_kernel_log(tmp_path):
    assert kernel_log(str(tmp_path / "missing")) == []
    assert kernel_log(str(tmp_path)) == []


def test_processes_on_the_devices():
    xml = """<nvidia_smi_log><gpu id="0"/><gpu id="1"><processes><process_info><gpu_instance_id>N/A</gpu_instance_id>
    <pid>4242</pid><type>C</type><process_name>python3</process_name><used_memory>70000 MiB</used_memory>
    </process_info></processes></gpu></nvidia_smi_log>"""
    assert nvidia.parse(xml)["processes"] == [
        {"index": 1, "pid": 4242, "name": "python3", "memory_mib": 70000, "ours": False}
    ]


def test_processes_of_inferfleet(node):
    root = node(
        {
            "proc/30/environ": "A=1\0INFERFLEET_COMPONENT=engine\0",
            "proc/30/stat": "30 (vllm) S 1 30",
            "proc/31/environ": "",
            "proc/31/stat": "31 (ray :: IDLE) S 30 30",
            "proc/32/environ": "A=1\0",
            "proc/32/stat": "32 (x) S 1 1",
        }
    )
    assert [belongs_to_inferfleet(pid, root) for pid in (30, 31, 32, 33)] == [True, True, False, False]


def test_bridges_with_acs_redirection(tmp_path):
    def bridge(address, control, kind="0x060400"):
        folder = tmp_path / "sys/bus/pci/devices" / address
        folder.mkdir(parents=True)
        (folder / "class").write_text(kind + "\n")
        config = bytearray(4096)
        config[0x100:0x104] = (0x0001 | 1 << 16 | 0x148 << 20).to_bytes(4, "little")  # advanced error reporting first
        config[0x148:0x14C] = (0x000D | 1 << 16).to_bytes(4, "little")
        config[0x14E:0x150] = control.to_bytes(2, "little")
        (folder / "config").write_bytes(bytes(config))

    bridge("0000:00:01.0", 0x001D)  # as firmware sets it: SrcValid+ ReqRedir+ CmpltRedir+ UpstreamFwd+
    bridge("0000:00:02.0", 0x0001)
    bridge("0000:00:03.0", 0x001D, kind="0x030200")
    assert acs_bridges(str(tmp_path)) == ["0000:00:01.0"]
    assert acs_control(b"") == 0
    assert acs_control(bytes(256)) == 0
