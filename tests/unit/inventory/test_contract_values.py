"""Types and allowed values of every key, word for word."""

import pytest

from inferfleet.planner.checks import check_inventory
from inferfleet.settings import SECRETS, Settings

EDIT = "in group_vars/all/10_cluster.yml."


def messages(inventory):
    return [f"{problem.code}: {problem}" for problem in check_inventory(inventory)]


WRONG_TYPES = [
    ("model", 7, "7", "text (put it in quotes)"),
    ("model", None, "empty", "text (put it in quotes)"),
    ("served_model_name", True, "true", "text (put it in quotes)"),
    ("max_model_len", "long", "'long'", "a whole number"),
    ("max_model_len", 4096.5, "4096.5", "a whole number"),
    ("tensor_parallel_size", True, "true", "a whole number"),
    ("engine_port", [8000], "[8000]", "a whole number"),
    ("gpu_memory_utilization", "most", "'most'", "a number"),
    ("engine_extra_args", "--enforce-eager", "'--enforce-eager'", "a list"),
    ("engine_extra_env", ["A=1"], "['A=1']", "a map of names to values"),
    ("checkpoint", {"id": 1}, "{'id': 1}", "text (put it in quotes)"),
    ("model", "\ud800", r"'\ud800'", "text (put it in quotes)"),
    ("served_model_name", ["x" * 100], "['" + "x" * 75 + "...", "text (put it in quotes)"),
]


@pytest.mark.parametrize(("name", "value", "shown", "kind"), WRONG_TYPES)
def test_wrong_type(build, name, value, shown, kind):
    assert messages(build(**{name: value})) == [
        f"wrong-type: Variable {name} (all hosts) is {shown}, but must be {kind}. Correct {name} {EDIT}"
    ]


@pytest.mark.parametrize(
    ("name", "value", "where", "shown"),
    [
        ("engine_extra_args", ["--seed", 7], "engine_extra_args.1", "7"),
        ("engine_extra_env", {"SEED": 7}, "engine_extra_env.SEED", "7"),
        ("engine_extra_env", {7: "SEED"}, "engine_extra_env.7", "7"),
    ],
)
def test_wrong_type_inside_a_list_or_map(build, name, value, where, shown):
    assert messages(build(**{name: value})) == [
        f"wrong-type: Variable {where} (all hosts) is {shown}, but must be text (put it in quotes)."
        f" Correct {name} {EDIT}"
    ]


@pytest.mark.parametrize(
    ("name", "text", "number"), [("max_num_seqs", "64", 64), ("gpu_memory_utilization", "0.8", 0.8)]
)
def test_text_is_taken_for_the_number_it_spells(build, name, text, number):
    """`-e max_num_seqs=64` arrives as text."""
    assert messages(build(**{name: text})) == []
    assert getattr(Settings.model_validate({name: text}), name) == number


ENGINES = "'auto', 'vllm', 'vllm_vacc', 'sglang', 'lmdeploy', 'tensorrt-llm', 'gpustack' or 'deepseek-infer'"
BAD_VALUES = [
    ("model", "", "is empty.", f"Set model {EDIT}"),
    ("webui_locale", "", "is empty.", f"Set webui_locale {EDIT}"),
    ("engine", "vlm", "is 'vlm', which is not one of its values.", f"Did you mean vllm? Set engine to {ENGINES}."),
    (
        "executor",
        "rya",
        "is 'rya', which is not one of its values.",
        "Did you mean ray? Set executor to 'ray' or 'mp'.",
    ),
    ("image_pull", False, "is false, which is not one of its values.", "Set image_pull to 'missing' or 'always'."),
    ("webui_port", 0, "is 0, which is out of range.", "Set webui_port to at least 1."),
    ("ray_port", 70000, "is 70000, which is out of range.", "Set ray_port to at most 65535."),
    ("max_num_seqs", -1, "is -1, which is out of range.", "Set max_num_seqs to at least 0."),
    ("gpu_memory_utilization", 0, "is 0, which is out of range.", "Set gpu_memory_utilization to more than 0.0."),
    ("gpu_memory_utilization", 1.5, "is 1.5, which is out of range.", "Set gpu_memory_utilization to at most 1.0."),
    (
        "model_root",
        "data/models",
        "is 'data/models', which is not an absolute path.",
        "Correct model_root: write it from the root, for example /data/models.",
    ),
    (
        "container_data_root",
        "/data/../etc",
        "is '/data/../etc', which is not an absolute path.",
        "Correct container_data_root: write it from the root, for example /data/models.",
    ),
    (
        "model_root",
        "/data/a:b",
        "is '/data/a:b', which has a colon in it.",
        "Correct model_root: choose a path without, since Docker separates a mount's parts with colons.",
    ),
    (
        "checkpoint",
        "deepseek-ai/..",
        "is 'deepseek-ai/..', which is not a hub repository id.",
        "Correct checkpoint: write it as owner/name, for example deepseek-ai/DeepSeek-R1.",
    ),
    (
        "checkpoint",
        "DeepSeek-R1",
        "is 'DeepSeek-R1', which is not a hub repository id.",
        "Correct checkpoint: write it as owner/name, for example deepseek-ai/DeepSeek-R1.",
    ),
    (
        "hub_endpoint",
        "https://hf-mirror.com/",
        "is 'https://hf-mirror.com/', which is not an http(s) URL without a trailing slash.",
        "Correct hub_endpoint: write it like https://hf-mirror.com.",
    ),
    (
        "hub_endpoint",
        "hf-mirror.com",
        "is 'hf-mirror.com', which is not an http(s) URL without a trailing slash.",
        "Correct hub_endpoint: write it like https://hf-mirror.com.",
    ),
    (
        "cluster_network",
        "10.0.0.0/33",
        "is '10.0.0.0/33', which is not an IPv4 network.",
        "Correct cluster_network: write its first address and prefix length, for example 10.0.0.0/24.",
    ),
    (
        "cluster_network",
        "10.0.0.5/24",
        "is '10.0.0.5/24', which is not an IPv4 network.",
        "Correct cluster_network: write its first address and prefix length, for example 10.0.0.0/24.",
    ),
    (
        "webui_admin_email",
        "admin",
        "is 'admin', which is not an e-mail address.",
        "Correct webui_admin_email: write one like admin@example.com.",
    ),
]


@pytest.mark.parametrize(("name", "value", "message", "remedy"), BAD_VALUES)
def test_bad_value(build, name, value, message, remedy):
    assert messages(build(**{name: value})) == [f"bad-value: Variable {name} (all hosts) {message} {remedy}"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "registry_mirrors",
            "ftp://mirror",
            "is 'ftp://mirror', which is not an http(s) URL without a trailing slash."
            " Correct registry_mirrors: write it like https://hf-mirror.com.",
        ),
        (
            "insecure_registries",
            "http://registry:5000",
            "is 'http://registry:5000', which is not host:port."
            " Correct insecure_registries: write it without a scheme, for example registry.example.com:5000.",
        ),
    ],
)
def test_bad_value_in_a_list(build, name, value, message):
    assert messages(build(**{name: [value]})) == [f"bad-value: Variable {name}.0 (all hosts) {message}"]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_with_white_space(build, name):
    assert messages(build(**{name: "open sesame"})) == [
        f"bad-value: Variable {name} (all hosts) contains white space, which no header or environment file carries."
        " Choose a value without white space, or leave it empty to have one generated."
    ]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_of_the_wrong_type_is_not_shown(build, name):
    assert messages(build(**{name: 12345678})) == [
        f"wrong-type: Variable {name} (all hosts) is (not shown), but must be text (put it in quotes)."
        f" Correct {name} {EDIT}"
    ]


@pytest.mark.parametrize("value", ["芝麻开门", "bell\a"])
def test_a_secret_that_no_header_carries(build, value):
    assert messages(build(engine_api_key=value)) == [
        "bad-value: Variable engine_api_key (all hosts) contains other characters than ASCII's, which no HTTP header"
        " carries. Choose letters and digits, or leave it empty to have one generated."
    ]
    assert messages(build(webui_admin_password="芝麻开门")) == []


def test_a_problem_of_one_host_names_it_and_is_said_once(build):
    found = messages(build(hosts={"node2": {"webui_port": 0}}))
    assert found[0] == (
        "bad-value: Variable webui_port (node2) is 0, which is out of range. Set webui_port to at least 1."
    )
    assert [message.split(":")[0] for message in found] == ["bad-value", "value-differs"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gpu_memory_utilization", 1),
        ("model_revision", "v1.0"),
        ("hub_endpoint", "http://198.18.5.1:8090"),
        ("insecure_registries", ["registry", "10.0.0.1:5000"]),
        ("cluster_network", "198.18.5.0/24"),
        ("engine_extra_env", {"NCCL_DEBUG": "INFO"}),
        ("engine_api_key", "sk-1234!%&"),
    ],
)
def test_good_values(build, name, value):
    assert messages(build(**{name: value})) == []


@pytest.mark.parametrize("value", ["http://", "http://[", "http://host:70000", "https://a b", "file:///srv", "//host"])
def test_what_is_no_url(build, value):
    (found,) = messages(build(hub_endpoint=value))
    assert "which is not an http(s) URL without a trailing slash. Correct hub_endpoint: write it like" in found


def test_every_key_has_a_type_that_refuses_something(build):
    for name in Settings.model_fields:
        assert messages(build(**{name: object()})), name
