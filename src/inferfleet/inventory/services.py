"""The services of an inventory: one of all its nodes, or one for each group named `service_<name>`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inferfleet.messages import Problem

PREFIX = "service_"
"""What the name of a group that makes a service begins with."""

SITE_KEYS = frozenset(
    {
        *("webui_port", "webui_admin_email", "webui_locale", "webui_image"),
        *("engine_api_key", "ray_auth_token", "webui_secret_key", "webui_admin_password"),
        *("offline_bundle", "image_mirrors", "insecure_registries", "registry_mirrors", "container_data_root"),
    }
)
"""Keys of the contract that services of one inventory have in common; each may have its own value of any other."""

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


def check_services(groups: Groups) -> Iterable[Problem]:
    """Each service has exactly one head; a node that serves is in one service and no more."""
    services = services_of(groups)
    if not any(service.name for service in services):
        return
    for service in services:
        group = PREFIX + service.name
        if not groups[group]:
            yield Problem("empty-service", f"Group {group} has no host.", f"Put hosts into {group}, or remove it.")
        elif not service.heads:
            yield Problem(
                "no-head",
                f"Group {group} has no host that is in group ray_head: a service needs exactly one head.",
                f"Put one of them ({', '.join(groups[group])}) into group ray_head of hosts.yml.",
            )
        elif len(service.heads) > 1:
            yield Problem(
                "two-heads",
                f"Group {group} has {len(service.heads)} hosts of group ray_head ({', '.join(service.heads)}),"
                " but a service has exactly one head.",
                f"Keep one and move the others to group ray_worker, for example {', '.join(service.heads[1:])}.",
            )
    for host in dict.fromkeys((*groups.get("ray_head", ()), *groups.get("ray_worker", ()))):
        member = [PREFIX + service.name for service in services if host in service.hosts]
        if len(member) > 1:
            yield Problem(
                "two-services",
                f"Host {host} is in groups {' and '.join(member)}: a node serves one model.",
                f"Keep {host} in one of them.",
            )
        elif not member:
            named = ", ".join(PREFIX + service.name for service in services)
            yield Problem(
                "no-service",
                f"Host {host} serves, but is in no service; the inventory has {named}.",
                f"Put {host} into one of them, or take it out of ray_head and ray_worker.",
            )
