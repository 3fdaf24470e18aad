"""The services of an inventory: one of all its nodes, or one for each group named `service_<name>`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inferfleet.messages import N_, Problem

PREFIX = "service_"
"""Prefix of the groups that define services."""

SITE_KEYS = frozenset(
    {
        *("webui_port", "webui_admin_email", "webui_locale", "webui_image"),
        *(
            "gateway_enabled",
            "gateway_port",
            "gateway_virtual_address",
            "gateway_webui_port",
            "gateway_certificate",
            "gateway_key",
            "gateway_max_body_bytes",
            "api_clients",
        ),
        *("engine_api_key", "ray_auth_token", "supervisor_token", "webui_secret_key", "webui_admin_password"),
        *("gateway_monitoring_port", "monitoring_admin_password", "monitoring_language"),
        *("monitoring_retention_days", "monitoring_retention_gib"),
        *("monitoring_queue_seconds", "monitoring_ttft_seconds", "monitoring_tpot_seconds"),
        *("monitoring_time_factor", "monitoring_dcgm_image"),
        *("monitoring_webhooks", "monitoring_robots", "monitoring_email"),
        *("offline_bundle", "image_mirrors", "insecure_registries", "registry_mirrors", "container_data_root"),
        *("http_proxy", "https_proxy", "no_proxy", "node_firewall", "firewall_allowed_networks"),
        "supervisor_enabled",
    }
)
"""Settings that all services of an inventory share; any other may differ between services."""

Groups = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Service:
    """One model on its nodes: `name` as in its group, empty where the inventory has no such group."""

    name: str
    heads: tuple[str, ...]
    workers: tuple[str, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """Nodes that serve, the head first."""
        return tuple(dict.fromkeys((*self.heads, *self.workers)))


def services_of(groups: Groups) -> list[Service]:
    """Return the services in the order of their heads; those without one last."""
    heads, workers = groups.get("ray_head", ()), groups.get("ray_worker", ())
    named = [name for name in groups if name.startswith(PREFIX)]
    if not named:
        return [Service("", tuple(heads), tuple(workers))]
    services = [
        Service(
            name.removeprefix(PREFIX),
            tuple(host for host in heads if host in groups[name]),
            tuple(host for host in workers if host in groups[name]),
        )
        for name in named
    ]
    places = {host: place for place, host in enumerate(heads)}
    return sorted(services, key=lambda service: places.get(service.heads[0], -1) if service.heads else len(places))


def serving_groups(groups: Iterable[str], role: str) -> list[str]:
    """Return a serving host's groups, with that of its planned role: a head of another replica is in `ray_worker`."""
    others = [group for group in groups if group not in ("ray_head", "ray_worker")]
    return [*others, "ray_head" if role == "head" else "ray_worker"]


def check_services(groups: Groups) -> Iterable[Problem]:
    """Require exactly one head per service, and exactly one service per serving node."""
    for group in groups:
        if group.startswith(PREFIX) and not re.fullmatch(r"[A-Za-z0-9_]+", group[len(PREFIX) :]):
            yield Problem(
                "bad-service",
                N_("Group {group} names no service: letters, digits and underscores must follow service_."),
                N_("Rename it, for example to service_r1."),
                group=group,
            )
    services = services_of(groups)
    if not any(service.name for service in services):
        return
    for service in services:
        group = PREFIX + service.name
        if not groups[group]:
            yield Problem(
                "empty-service",
                N_("Group {group} has no host."),
                N_("Add hosts to {group}, or remove it."),
                group=group,
            )
        elif not service.heads:
            yield Problem(
                "no-head",
                N_("Group {group} has no host in group ray_head, but a service requires exactly one head node."),
                N_("Add one of them ({hosts}) to group ray_head of hosts.yml."),
                group=group,
                hosts=list(groups[group]),
            )
        elif len(service.heads) > 1:
            yield Problem(
                "two-heads",
                N_(
                    "Group {group} has {count} hosts in group ray_head ({heads}), but a service has exactly one head"
                    " node."
                ),
                N_("Keep one and move the others to group ray_worker, for example {others}."),
                group=group,
                count=len(service.heads),
                heads=list(service.heads),
                others=list(service.heads[1:]),
            )
    for host in dict.fromkeys((*groups.get("ray_head", ()), *groups.get("ray_worker", ()))):
        member = [PREFIX + service.name for service in services if host in service.hosts]
        if len(member) > 1:
            *first, last = member
            yield Problem(
                "two-services",
                N_("Host {host} is in groups {groups} and {last}, but a node serves one model."),
                N_("Keep {host} in one of them."),
                host=host,
                groups=first,
                last=last,
            )
        elif not member:
            yield Problem(
                "no-service",
                N_("Host {host} is in ray_head or ray_worker, but in no service; the inventory has {services}."),
                N_("Add {host} to one of them, or remove it from ray_head and ray_worker."),
                host=host,
                services=[PREFIX + service.name for service in services],
            )
