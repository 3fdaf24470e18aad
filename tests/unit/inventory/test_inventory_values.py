"""Types and allowed values of every setting."""

import pytest
from tests.unit.inventory.parameters import codes, found

from inferfleet.engines import load_engines
from inferfleet.inventory.values import show
from inferfleet.settings import SECRETS, Settings

EVERYWHERE = "all hosts"
PLACES = ["group_vars/all/10_cluster.yml"]


WRONG_TYPES = [
    ("model", 7, "7", "text (put it in quotes)"),
    ("model", None, "empty", "text (put it in quotes)"),
    ("served_model_name", True, "true", "text (put it in quotes)"),
    ("max_model_len", "long", "'long'", "an integer"),
    ("max_model_len", 4096.5, "4096.5", "an integer"),
    ("tensor_parallel_size", True, "true", "an integer"),
    ("engine_port", [8000], "[8000]", "an integer"),
    ("gpu_memory_utilization", "most", "'most'", "a number"),
    ("engine_extra_args", "--enforce-eager", "'--enforce-eager'", "a list"),
    ("engine_extra_env", ["A=1"], "['A=1']", "a mapping"),
    ("checkpoint", {"id": 1}, "{'id': 1}", "text (put it in quotes)"),
    ("model", "\ud800", r"'\ud800'", "text (put it in quotes)"),
    ("served_model_name", ["x" * 100], "['" + "x" * 75 + "...", "text (put it in quotes)"),
]


@pytest.mark.parametrize(("name", "value", "shown", "kind"), WRONG_TYPES)
def test_wrong_type(build, name, value, shown, kind):
    parameters = {"name": name, "setting": name, "value": shown, "kind": kind, "hosts": EVERYWHERE, "places": PLACES}
    assert found(build(**{name: value})) == [("wrong-type", parameters)]


@pytest.mark.parametrize(
    ("name", "value", "where", "shown"),
    [
        ("engine_extra_args", ["--seed", 7], "engine_extra_args.1", "7"),
        ("engine_extra_env", {"SEED": 7}, "engine_extra_env.SEED", "7"),
        ("engine_extra_env", {7: "SEED"}, "engine_extra_env.7", "7"),
    ],
)
def test_wrong_type_inside_a_list_or_map(build, name, value, where, shown):
    text = "text (put it in quotes)"
    parameters = {"name": where, "setting": name, "value": shown, "kind": text, "hosts": EVERYWHERE, "places": PLACES}
    assert found(build(**{name: value})) == [("wrong-type", parameters)]


@pytest.mark.parametrize(
    ("name", "text", "number"), [("max_num_seqs", "64", 64), ("gpu_memory_utilization", "0.8", 0.8)]
)
def test_numeric_text_is_converted(build, name, text, number):
    """`-e max_num_seqs=64` is passed as text."""
    assert codes(build(**{name: text})) == []
    assert getattr(Settings.model_validate({name: text}), name) == number


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("false", False)])
def test_text_of_a_boolean_is_converted(build, text, value):
    """`-e enforce_eager=true` is passed as text."""
    assert codes(build(enforce_eager=text)) == []
    assert Settings.model_validate({"enforce_eager": text}).enforce_eager is value


*ENGINES, LAST_ENGINE = map(repr, ("auto", *load_engines()))
URL = "is not an http(s) URL without a trailing slash"
LIKE_A_MIRROR = "write it like https://hf-mirror.com"
BAD_VALUES = [
    ("model", "", {"value": "''", "places": PLACES}),
    ("webui_locale", "", {"value": "''", "places": PLACES}),
    ("engine", "vlm", {"value": "'vlm'", "near": "vllm", "values": ENGINES, "last": LAST_ENGINE}),
    ("engine", "zzz", {"value": "'zzz'", "values": ENGINES, "last": LAST_ENGINE}),
    ("executor", "rya", {"value": "'rya'", "near": "ray", "values": ["'auto'", "'mp'"], "last": "'ray'"}),
    ("image_pull", False, {"value": "false", "values": ["'missing'"], "last": "'always'"}),
    ("webui_port", 0, {"value": "0", "bound": "at least 1"}),
    ("ray_port", 70000, {"value": "70000", "bound": "at most 65535"}),
    ("max_num_seqs", -1, {"value": "-1", "bound": "at least 0"}),
    ("gpu_memory_utilization", 0, {"value": "0", "bound": "more than 0.0"}),
    ("gpu_memory_utilization", 1.5, {"value": "1.5", "bound": "at most 1.0"}),
]
UNFIT_VALUES = [
    (
        "model_root",
        "data/models",
        "is not an absolute path",
        "write a path that starts with /, for example /data/models",
    ),
    (
        "container_data_root",
        "/data/../etc",
        "is not an absolute path",
        "write a path that starts with /, for example /data/models",
    ),
    (
        "model_root",
        "/data/a:b",
        "contains a colon",
        "choose a path without colons, which Docker uses as separators in mounts",
    ),
    *(
        (
            "checkpoint",
            value,
            "is not a hub repository id",
            "write it as owner/name, for example deepseek-ai/DeepSeek-R1",
        )
        for value in ("deepseek-ai/..", "DeepSeek-R1")
    ),
    ("hub_endpoint", "https://hf-mirror.com/", URL, LIKE_A_MIRROR),
    ("hub_endpoint", "hf-mirror.com", URL, LIKE_A_MIRROR),
    *(
        (
            "cluster_network",
            value,
            "is not an IPv4 network",
            "write its first address and prefix length, for example 10.0.0.0/24",
        )
        for value in ("10.0.0.0/33", "10.0.0.5/24")
    ),
    ("webui_admin_email", "admin", "is not an e-mail address", "write one like admin@example.com"),
]


@pytest.mark.parametrize(("name", "value", "parameters"), BAD_VALUES)
def test_bad_value(build, name, value, parameters):
    expected = {"name": name, "setting": name, "hosts": EVERYWHERE, **parameters}
    assert found(build(**{name: value})) == [("bad-value", expected)]


@pytest.mark.parametrize(("name", "value", "reason", "remedy"), UNFIT_VALUES)
def test_invalid_value_of_the_right_type(build, name, value, reason, remedy):
    parameters = {"name": name, "setting": name, "value": repr(value), "reason": reason, "remedy": remedy}
    assert found(build(**{name: value})) == [("bad-value", {**parameters, "hosts": EVERYWHERE})]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [("registry_mirrors", "ftp://mirror", URL), ("insecure_registries", "http://registry:5000", "is not host:port")],
)
def test_bad_value_in_a_list(build, name, value, reason):
    [(code, parameters)] = found(build(**{name: [value]}))
    assert (code, parameters["name"], parameters["setting"]) == ("bad-value", f"{name}.0", name)
    assert (parameters["value"], parameters["reason"]) == (repr(value), reason)


@pytest.mark.parametrize("name", SECRETS)
def test_secret_with_whitespace(build, name):
    expected = {"name": name, "setting": name, "hosts": EVERYWHERE}
    assert found(build(**{name: "open sesame"})) == [("bad-value", expected)]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_of_the_wrong_type_is_not_shown(build, name):
    [(code, parameters)] = found(build(**{name: 12345678}))
    assert (code, parameters["name"], parameters["value"]) == ("wrong-type", name, "(not shown)")


@pytest.mark.parametrize("value", ["芝麻开门", "bell\a"])
def test_secret_not_allowed_in_headers(build, value):
    expected = {"name": "engine_api_key", "setting": "engine_api_key", "hosts": EVERYWHERE}
    assert found(build(engine_api_key=value)) == [("bad-value", expected)]
    assert found(build(webui_admin_password="芝麻开门芝麻开门")) == []


def test_problem_of_one_host_is_reported_once(build):
    (_, first), (_, second) = problems = found(build(hosts={"node2": {"webui_port": 0}}))
    assert [code for code, _ in problems] == ["bad-value", "value-differs"]
    assert (first["hosts"], second["values"]) == (["node2"], ["3000 on node1", "0 on node2"])


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
        ("webui_secret_key", "k3y-0f-u"),
        ("model_root", "/dev/shm/models"),
        ("model_root", "/var/lib/models"),
        ("container_data_root", "/home/docker"),
        ("engine_image", "vllm"),
        ("engine_image", "docker.io/vllm/vllm-openai:v0.17.1"),
        ("engine_image", f"registry.example.com:5000/a/b__c-d:V1@sha256:{'0' * 64}"),
        ("webui_image", "[fd00::1]:5000/open-webui"),
        ("image_mirrors", {"docker.io": "mirror.example.com:5000/docker.io"}),
    ],
)
def test_valid_values(build, name, value):
    assert codes(build(**{name: value})) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("model_root", f"/{folder}") for folder in ("", "proc", "etc/models", "sys", "dev/shm", "usr", "./", "var/")),
        ("model_root", "/data\nmodels"),
        ("container_data_root", "//"),
        *(("engine_image", value) for value in ("vLLM", "https://a/b", "a b", "--privileged", "a:99999/b", "a:0/b")),
        *(("engine_image", f"a/b{end}") for end in ("@sha256:abc", ":", ":a/b", f":{'a' * 129}", "//c", "_")),
        ("webui_image", "open-webui\n"),
        ("image_mirrors", {"docker.io": "a:70000"}),
        ("insecure_registries", ["a:0"]),
        *(("engine_extra_env", {key: "1"}) for key in ("", "1A", "A=B", "A B", "Ä")),
    ],
)
def test_invalid_paths_images_and_names(build, name, value):
    assert codes(build(**{name: value})) == ["bad-value"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://user:p@ss/w:rd@host/", "'https://(hidden)@host/'"),
        ("https:/user:password@host", "'https:/(hidden)@host'"),
        ("user:password@host", "'(hidden)@host'"),
        ("https://token@host/", "'https://(hidden)@host/'"),
        (["https://user:password@host/"], "['https://(hidden)@host/']"),
        ("registry:5000/a@sha256:0", "'registry:5000/a@sha256:0'"),
        ("admin@host", "'admin@host'"),
    ],
)
def test_credentials_in_urls_are_not_shown(value, shown):
    assert show("registry_mirrors", value) == shown


@pytest.mark.parametrize("value", ["http://", "http://[", "http://host:70000", "https://a b", "file:///srv", "//host"])
def test_invalid_url(build, value):
    [(code, parameters)] = found(build(hub_endpoint=value))
    assert (code, parameters["reason"]) == ("bad-value", URL)


def test_every_setting_is_validated(build):
    for name in Settings.model_fields:
        assert codes(build(**{name: object()})), name
