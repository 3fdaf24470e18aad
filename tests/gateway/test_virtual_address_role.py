"""The role's virtual address on two hosts that are this machine, in check mode, so that nothing changes here."""

from pathlib import Path

from tests.check_run import check_run

ROOT = Path(__file__).parents[2]
HOSTS = {"n1": "192.0.2.1", "n2": "192.0.2.2"}  # documentation prefix, RFC 5737: no host has these addresses


def run(folder, virtual):
    """Return exit code and output of a check run with differences."""
    plan = {"hosts": HOSTS, "virtual_address": f"{virtual}/24"}
    node = {
        "distribution": {"id": "debian", "id_like": "", "version_id": "12"},
        "runnable": {"apt": False},
        "interfaces": "{{ interfaces[inventory_hostname] }}",
    }
    given = {"inferfleet_gateway": plan, "inferfleet_node": node, "cacheable": True}
    role = {"name": str(ROOT / "roles/gateway"), "tasks_from": "virtual_address", "rolespec_validate": False}
    tasks = [
        {"name": "Plan", "ansible.builtin.set_fact": given},
        {"name": "Hold the virtual address", "ansible.builtin.include_role": role},
    ]
    variables = {
        "gateway_virtual_address": plan["virtual_address"],
        "interfaces": {host: [{"name": "eth0", "prefixes": [f"{own}/24"]}] for host, own in HOSTS.items()},
    }
    return check_run(folder, {"hosts": {host: {} for host in HOSTS}}, variables, tasks)


def test_each_gateway_gets_its_own_configuration(tmp_path):
    code, shown = run(tmp_path, "192.0.2.100")
    assert code == 0, shown
    added = [line[1:].strip() for line in shown.splitlines() if line.startswith("+")]
    sources = {line for line in added if line.startswith("unicast_src_ip")}
    assert sources == {f"unicast_src_ip {own}" for own in HOSTS.values()}
    script = 'script "/usr/local/bin/inferfleet-gateway-answers 8404"'
    assert [line for line in added if line.startswith("script ")] == [script, script]
    assert sum(line.startswith("ExecStart=/usr/sbin/keepalived --vrrp") for line in added) == 2


def test_address_that_another_host_has_is_refused(tmp_path):
    """No interface holds 127.0.0.9, but it answers, as all of 127.0.0.0/8 does: like another host."""
    code, shown = run(tmp_path, "127.0.0.9")
    assert code != 0
    assert "code: virtual-address-taken" in shown, shown
