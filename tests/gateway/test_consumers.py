"""Open WebUI's configuration with and without a gateway, as its role renders it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from inferfleet.gateway import SecretFolder

ROOT = Path(__file__).parents[2]
NAME = "gateway.inferfleet.internal"
GATEWAY = {
    **{"hosts": {"n1": "10.0.0.1", "n2": "10.0.0.2"}, "internal_name": NAME, "internal_url": f"https://{NAME}:8443"},
    **{"names": ["n1", "10.0.0.1"], "certificate": "", "webui": {"url": "https://10.0.0.1:8444", "port": 8444}},
}
NONE = {"hosts": {}, "internal_name": NAME, "internal_url": "", "webui": {"url": "http://10.0.0.1:3000", "port": 0}}
SHOWN = {
    "address": "{{ __open_webui_gateway_address }}",
    "env": "{{ lookup('ansible.builtin.template', 'roles/open_webui/templates/open-webui.env.j2') }}",
    "volumes": "{{ __open_webui_volumes }}",
}


def rendered(folder, gateway, *arguments):
    """Return what the role renders for hosts n2 and ui by host."""
    plan = {"protocol": "openai", "api_url": "http://10.0.0.1:8000", "api_path": "/v1", "served_model_name": "m"}
    facts = {"inferfleet_plans": [plan, plan], "inferfleet_plan": plan, "inferfleet_gateway": gateway}
    files = ("group_vars/all/main.yml", "roles/open_webui/defaults/main.yml", "roles/open_webui/vars/main.yml")
    secrets = {"engine_api_key": "engine-key", "webui_secret_key": "s", "webui_admin_password": "p"}
    play = {
        "name": "Render",
        "hosts": "all",
        "gather_facts": False,
        "vars_files": [str(ROOT / file) for file in files],
        "vars": {
            **{"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
            **{"preflight_secrets": secrets, "preflight_secrets_dir": str(folder / ".secrets")},
            **{name: text.replace("roles/", f"{ROOT}/roles/") for name, text in SHOWN.items()},
        },
        "tasks": [
            {"name": "Plan", "ansible.builtin.set_fact": {**facts, "cacheable": True}},
            {
                "name": "Store",
                "ansible.builtin.copy": {
                    "content": "{{ {'address': address, 'env': env, 'volumes': volumes} | to_json }}",
                    "dest": str(folder / "{{ inventory_hostname }}.json"),
                },
                "check_mode": False,
            },
        ],
    }
    (folder / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "n2,ui", folder / "play.yml", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = {host: json.loads((folder / f"{host}.json").read_text()) for host in ("n2", "ui")}
    for own in found.values():
        own["env"] = dict(line.split("=", 1) for line in own["env"].splitlines())
    return found


def test_models_of_all_services_come_from_the_gateway(tmp_path):
    key = SecretFolder(tmp_path / ".secrets").client_keys(["open-webui"])["open-webui"]
    found = rendered(tmp_path, GATEWAY)
    for own in found.values():
        assert own["env"]["OPENAI_API_BASE_URLS"] == f"https://{NAME}:8443/v1"
        assert own["env"]["OPENAI_API_KEYS"] == key
        assert f"{own['env']['SSL_CERT_FILE']}:{own['env']['SSL_CERT_FILE']}:ro" in own["volumes"]
        assert "engine-key" not in own["env"].values()
        assert own["env"]["WEBUI_URL"] == "https://10.0.0.1:8444"
        assert own["env"]["CORS_ALLOW_ORIGIN"] == "https://n1:8444;https://10.0.0.1:8444"
        assert {own["env"][f"WEBUI_{kind}_COOKIE_SECURE"] for kind in ("SESSION", "AUTH")} == {"true"}
    assert [found[host]["address"] for host in ("n2", "ui")] == ["10.0.0.2", "10.0.0.1"], "its own, else the first"


def test_without_a_gateway_it_uses_the_engines(tmp_path):
    own = rendered(tmp_path, NONE)["ui"]
    assert own["env"]["OPENAI_API_BASE_URLS"] == "http://10.0.0.1:8000/v1;http://10.0.0.1:8000/v1"
    assert own["env"]["OPENAI_API_KEYS"] == "engine-key;engine-key"
    assert not {"SSL_CERT_FILE", "WEBUI_URL", "CORS_ALLOW_ORIGIN", "WEBUI_SESSION_COOKIE_SECURE"} & {*own["env"]}
    assert (own["address"], len(own["volumes"])) == ("", 1)
    assert not (tmp_path / ".secrets").exists()


def test_check_run_stores_no_key(tmp_path):
    assert rendered(tmp_path, GATEWAY, "--check")["ui"]["env"]["OPENAI_API_KEYS"].startswith("sk-")
    assert not (tmp_path / ".secrets").exists()
