"""Filters for components (see inferfleet.components)."""

from __future__ import annotations

from inferfleet.components import (
    answer_results,
    failed_checks,
    health_results,
    http_checks,
    images,
    inventory_variable,
    packages,
    rank_results,
    rules_results,
    settings_read,
    state_results,
    unit_checks,
    unit_results,
    webui_configs,
    webui_endpoints,
)
from inferfleet.inventory.services import serving_groups


def component_checks(plan, variables, groups, host):
    """Return the HTTP health checks of a host from its plan, variables and groups."""
    return http_checks(*_running(plan, variables, groups, host))


def component_units(plan, variables, groups, host):
    """Return the units to check on a host from its plan, variables and groups."""
    return unit_checks(*_running(plan, variables, groups, host))


def _running(plan, variables, groups, host):
    groups = serving_groups(groups, plan["nodes"][host]["role"]) if host in plan["nodes"] else groups
    settings = {name: variables[name] for name in (*settings_read(), "groups")}
    # The plan has no image of the exporter where there is no GPU for it.
    planned = {"monitoring_dcgm_image": plan.get("dcgm_image", "")}
    return settings | {name: plan[name] for name in ("engine", "executor")} | planned, groups


def component_data(data, variables):
    """Return the data folders of a component, which variables of the host may override."""
    return [variables[entry["variable"]] if entry["variable"] in variables else entry["path"] for entry in data]


def component_files(contents, paths):
    """Return the files of module service_files from contents and paths by key; only root can read them."""
    return [{"path": paths[key], "content": content, "mode": "0600"} for key, content in contents.items()]


def health_addresses(components):
    """Return the URL of the health check on this node by title of the components (lookup `component`)."""
    return {
        entry["title"]: f"http://127.0.0.1:{entry['ports'][0]['number']}{entry['health']['path']}"
        for entry in components
    }


def component_health(hosts, hostvars):
    """Return the results of the health checks of the hosts (`__verify_health`, `__verify_units`, `__verify_rules`)."""

    def results(name):
        return {host: hostvars[host].get(name, {}).get("results", []) for host in hosts}

    rules = rules_results({host: hostvars[host].get("__verify_rules", {}) for host in hosts})
    return health_results(results("__verify_health")) + unit_results(results("__verify_units")) + rules


def inhabited(groups):
    """Return the names of groups with at least one host."""
    return [name for name, hosts in groups.items() if hosts]


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "answer_results": answer_results,
            "component_checks": component_checks,
            "component_units": component_units,
            "component_data": component_data,
            "component_files": component_files,
            "component_health": component_health,
            "component_images": images,
            "component_packages": packages,
            "failed_checks": failed_checks,
            "health_addresses": health_addresses,
            "inhabited": inhabited,
            "inventory_variable": inventory_variable,
            "rank_results": rank_results,
            "state_results": state_results,
            "webui_configs": webui_configs,
            "webui_endpoints": webui_endpoints,
        }
