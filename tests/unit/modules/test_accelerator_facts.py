"""accelerator_facts with recorded outputs, and with faulty tools."""

import time
from pathlib import Path

import pytest
from ansible.module_utils.accelerators import amd, ascend, nvidia, vastai
from ansible.module_utils.accelerators.tool import ToolError
from hardware import FIXTURES
from hypothesis import given
from hypothesis import strategies as st

OUTPUTS = FIXTURES / "accelerators"
VENDORS = [nvidia, amd, ascend, vastai]


def refusal(parse, text: str) -> str:
    """Return the code of the parser's refusal, empty when it found facts."""
    try:
        return "" if isinstance(parse(text)["accelerators"], list) else "no list"
    except ToolError as error:
        return error.message.code


def answer(run, tool, vendor: str, file: str) -> dict:
    script = tool("tool", f"cat {OUTPUTS / file}")
    return run("accelerator_facts", path="/usr/bin:/bin", tools={vendor: script})["ansible_facts"][
        "inferfleet_accelerators"
    ]


@pytest.mark.parametrize(
    ("vendor", "file", "count", "name", "memory", "driver", "capability"),
    [
        ("nvidia", "nvidia-h200x2-real.xml", 2, "NVIDIA H200", 143771, "580.159.04", "9.0"),
        ("nvidia", "nvidia-v100x4-simulated.xml", 4, "Tesla V100-SXM2-32GB", 32768, "535.183.06", "7.0"),
        ("nvidia", "nvidia-a800x8-simulated.xml", 8, "NVIDIA A800-SXM4-80GB", 81920, "550.144.03", "8.0"),
        ("nvidia", "nvidia-h800x8-simulated.xml", 8, "NVIDIA H800", 81559, "570.124.06", "9.0"),
        ("amd", "rocm-mi300x8-simulated.json", 8, "AMD Instinct MI300X", 196592, "6.10.5", ""),
        ("ascend", "npu-910bx8-simulated.txt", 8, "910B3", 65536, "24.1.rc3", ""),
        ("ascend", "npu-910cx16-simulated.txt", 16, "Ascend910", 65536, "25.2.1", ""),
        ("vastai", "vasmi-va16x8-simulated.txt", 8, "VA16", 131072, "00.25.12.02", ""),
    ],
)
def test_recorded_outputs(run, tool, vendor, file, count, name, memory, driver, capability):
    facts = answer(run, tool, vendor, file)
    assert facts["vendor"] == vendor
    assert len(facts["accelerators"]) == count
    assert {(d["name"], d["memory_mib"]) for d in facts["accelerators"]} == {(name, memory)}
    assert (facts["driver_version"], facts["compute_capability"]) == (driver, capability)
    assert [d["index"] for d in facts["accelerators"]] == list(range(count))
    assert facts["problems"] == []


def test_real_h200(run, tool):
    facts = answer(run, tool, "nvidia", "nvidia-h200x2-real.xml")
    assert facts["cuda_version"] == "13.0"
    assert facts["accelerators"][1] == {
        "index": 1,
        "name": "NVIDIA H200",
        "uuid": "GPU-2379af71-3ba4-7c78-0454-42f6bb36c9ac",
        "bus": "00000000:00:07.0",
        "memory_mib": 143771,
        "memory_used_mib": 0,
        "mig": "Disabled",
        "persistence": "Enabled",
        "ecc": "Enabled",
        "ecc_uncorrectable": 0,
        "fabric_state": "Completed",
    }


def test_unhealthy_devices_are_reported(run, tool):
    facts = answer(run, tool, "nvidia", "nvidia-h800x4-unhealthy-simulated.xml")
    assert [p["message"] for p in facts["problems"]] == [
        "MIG is enabled on accelerator 0.",
        "Accelerator 1 has 2 uncorrectable memory errors.",
        "Persistence mode is disabled on accelerator 2.",
    ]
    assert [d["fabric_state"] for d in facts["accelerators"]] == ["Completed", "Completed", "Completed", "In Progress"]


@pytest.mark.parametrize(
    ("script", "code", "part"),
    [
        ("echo hello", "tool-invalid-output", "does not print XML"),
        ("printf '<html></html>'", "tool-invalid-output", "prints <html>, not <nvidia_smi_log>"),
        ("head -c 4000 /dev/urandom", "tool-invalid-output", "does not print XML"),
        ("exit 9", "tool-failed", "exited with code 9"),
        (
            "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18",
            "tool-failed",
            "version mismatch",
        ),
        ("kill -SEGV $$", "tool-failed", "killed by signal 11"),
        ("sleep 60", "tool-hung", "did not finish within 1 seconds"),
        ("trap '' TERM; sleep 60 & wait", "tool-hung", "did not finish within 1 seconds"),
        ("printf '<nvidia_smi_log></nvidia_smi_log>'", "no-device", "reports no accelerator"),
    ],
)
def test_faulty_tools(run, tool, script, code, part):
    path = tool("nvidia-smi", script)
    started = time.monotonic()
    result = run("accelerator_facts", path="/usr/bin:/bin", tools={"nvidia": path}, timeout=1)
    assert time.monotonic() - started < 60  # what the tool itself would have taken
    facts = result["ansible_facts"]["inferfleet_accelerators"]
    assert facts["accelerators"] == []
    assert [p["code"] for p in facts["problems"]] == [code]
    assert part in facts["problems"][0]["message"]
    assert result["changed"] is False


@pytest.mark.parametrize(
    ("vendor", "script"), [("amd", "echo '[1]'"), ("amd", "echo x"), ("ascend", "echo x"), ("vastai", "echo x")]
)
def test_invalid_output_of_other_tools(run, tool, vendor, script):
    facts = run("accelerator_facts", path="/usr/bin:/bin", tools={vendor: tool("x", script)})
    assert facts["ansible_facts"]["inferfleet_accelerators"]["problems"][0]["code"] == "tool-invalid-output"


def test_tool_that_cannot_start(run, tmp_path):
    facts = run("accelerator_facts", path="/usr/bin:/bin", tools={"nvidia": str(tmp_path / "none")})
    assert "cannot be started" in facts["ansible_facts"]["inferfleet_accelerators"]["problems"][0]["message"]


def test_no_tool_at_all(run):
    facts = run("accelerator_facts", path="/usr/bin:/bin")["ansible_facts"]["inferfleet_accelerators"]
    assert facts["vendor"] == ""
    assert [p["code"] for p in facts["problems"]] == ["no-tool"]


def test_tools_are_found_in_path(run, tool):
    script = tool("nvidia-smi", f"cat {OUTPUTS / 'nvidia-h200x2-real.xml'}")
    facts = run("accelerator_facts", path=f"{Path(script).parent}:/usr/bin:/bin")
    assert len(facts["ansible_facts"]["inferfleet_accelerators"]["accelerators"]) == 2


def test_second_vendors_tool_runs_if_the_first_finds_nothing(run, tool):
    tools = {"nvidia": tool("n", "exit 9"), "amd": tool("a", f"cat {OUTPUTS / 'rocm-mi300x8-simulated.json'}")}
    facts = run("accelerator_facts", path="/usr/bin:/bin", tools=tools)["ansible_facts"]["inferfleet_accelerators"]
    assert (facts["vendor"], len(facts["accelerators"])) == ("amd", 8)
    assert [p["code"] for p in facts["problems"]] == ["tool-failed"]


def test_fabric_manager_version(tool):
    path = tool("nv-fabricmanager", "echo 'Fabric Manager version is : 570.124.06'")
    assert nvidia.fabric_manager_version(lambda name: path, 5) == "570.124.06"
    assert nvidia.fabric_manager_version(lambda name: None, 5) == ""
    assert nvidia.fabric_manager_version(lambda name: tool("f", "exit 1"), 5) == ""


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.TOOL)
@given(
    text=st.one_of(
        st.text(), st.sampled_from(sorted(OUTPUTS.iterdir())).map(Path.read_text), st.from_regex(r"[{|<+].{0,80}")
    )
)
def test_parsers_return_facts_or_a_tool_error(vendor, text):
    assert refusal(vendor.parse, text) in ("", "tool-invalid-output")


@given(cut=st.integers(0, 20000), drop=st.integers(1, 3000))
def test_truncated_outputs(cut, drop):
    text = (OUTPUTS / "nvidia-h200x2-real.xml").read_text()
    text = text[:cut] + text[cut + drop :]
    assert refusal(nvidia.parse, text) in ("", "tool-invalid-output")
