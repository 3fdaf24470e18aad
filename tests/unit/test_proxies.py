"""Environment variables of the site's proxy."""

from pathlib import Path

from jinja2 import Environment

from inferfleet.proxies import bypass_given_proxy, bypass_proxy, in_both_cases, proxy_environment

PROXY = "http://proxy.corp.example:3128"


def settings(**given):
    return {"http_proxy": "", "https_proxy": "", "no_proxy": [], **given}


def test_no_proxy_selects_nothing():
    assert proxy_environment(settings(no_proxy=["registry"]), ["10.0.0.11"]) == {}


def test_proxy_is_used_for_both_schemes_and_never_for_the_nodes():
    direct = "registry.example.com,localhost,127.0.0.1,::1,gpu01,10.0.0.11"
    assert proxy_environment(
        settings(http_proxy=PROXY, no_proxy=["registry.example.com"]), ["gpu01", "10.0.0.11", "gpu01"]
    ) == {
        "http_proxy": PROXY,
        "HTTP_PROXY": PROXY,
        "https_proxy": PROXY,
        "HTTPS_PROXY": PROXY,
        "no_proxy": direct,
        "NO_PROXY": direct,
    }


def test_https_has_its_own_proxy():
    env = proxy_environment(settings(https_proxy=PROXY), [])
    assert (env["https_proxy"], env.get("http_proxy")) == (PROXY, None)


def test_given_exceptions_stay():
    assert bypass_proxy({"NO_PROXY": "a, b"}, ["c"])["no_proxy"] == "a,b,localhost,127.0.0.1,::1,c"


def test_a_given_proxy_replaces_both_spellings():
    assert in_both_cases({"HTTPS_PROXY": "b", "A": "1"}) == {"HTTPS_PROXY": "b", "https_proxy": "b", "A": "1"}
    assert in_both_cases({"http_proxy": "a", "HTTP_PROXY": "b"}) == {"http_proxy": "a", "HTTP_PROXY": "b"}


def test_environment_without_a_proxy_stays():
    assert bypass_given_proxy({"A": "1"}, ["c"]) == {"A": "1"}
    assert bypass_given_proxy({"HTTPS_PROXY": PROXY}, ["c"])["no_proxy"].endswith(",c")


def test_drop_in_of_docker_escapes_percent_signs():
    template = Path(__file__).parents[2] / "roles/container_runtime/templates/proxy.conf.j2"
    text = (
        Environment(trim_blocks=True)
        .from_string(template.read_text())
        .render(container_runtime_proxy={"http_proxy": "http://me:p%40ss@proxy:3128"})
    )
    assert text.splitlines()[1:] == ["[Service]", 'Environment="http_proxy=http://me:p%%40ss@proxy:3128"']
