"""What is observed on a node, from `observation.yml`, the components and the plan."""

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from inferfleet.catalog.loader import load_file
from inferfleet.components import images, load_component, load_components
from inferfleet.nodes.images import image_source

_IMAGE_PULL = ("component_service_image_pull", "container_images_pull", "image_pull", "open_webui_image_pull")
_VOLATILE = {
    "inferfleet_node": ("disk", "listening", "present", "memory_bytes", "shm_bytes"),
    "inferfleet_accelerators": ("processes",),
}
"""Facts that change while nothing is deployed; the planner's use of them is in the plan."""
_VOLATILE_DEVICE = ("memory_used_mib",)


class Observation(BaseModel):
    """See observation.yml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trees: tuple[str, ...]
    files: tuple[str, ...]
    units: tuple[str, ...]
    containers: str
    sysctls: str
    closed: tuple[str, ...]
    moved: tuple[str, ...]
    reads: tuple[str, ...]
    changes: Mapping[str, str]
    commands: Mapping[str, str]
    elsewhere: Mapping[str, str]


@cache
def load_observation() -> Observation:
    """Return what is observed."""
    return load_file(Path(__file__).with_name("observation.yml"), Observation)


def node_options(
    plan: Mapping[str, Any], variables: Mapping[str, Any], groups: Collection[str], *, resolves: bool
) -> dict[str, Any]:
    """Return the options of module_utils/observation.py for a host in `groups`.

    `resolves` is whether this host compares images with their registry, which one host does for all.
    """
    observation = load_observation()
    data = [folder for component in load_components() for folder in component.data]
    folders = [str(variables.get(folder.variable) or folder.path) for folder in data]
    named = images(plan, groups)
    always = any(variables.get(name) == "always" for name in _IMAGE_PULL)
    mirrors = variables.get("image_mirrors") or {}
    gateway, webui, firewall = (load_component(name) for name in ("gateway", "webui", "firewall"))
    on_gateway, has_webui = "gateway" in groups, not set(groups).isdisjoint(webui.groups)
    return {
        "trees": [
            *observation.trees,
            *folders,
            *(str(variables[name]) for name in observation.moved if variables.get(name)),
            *([str(plan["model_path"])] if plan.get("model_path") else []),
        ],
        "closed": [*observation.closed, *folders],
        "files": list(observation.files),
        "units": list(observation.units),
        "containers": observation.containers,
        "sysctls": observation.sysctls,
        "table": firewall.health.table,
        "images": named,
        "registry": [image_source(name, mirrors)["name"] for name in named] if always and resolves else [],
        "maps": {
            "folder": gateway.files["folder"] if on_gateway else "",
            "socket": f"/run/{gateway.unit.removesuffix('.service')}/master.sock",
        },
        "account": {
            "database": f"{variables.get(webui.data[0].variable) or webui.data[0].path}/webui.db" if has_webui else "",
            "email": str(variables.get("webui_admin_email", "")),
        },
    }


def stable_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a host that preflight has read, without what changes while nothing is deployed."""
    stable = {}
    for name in ("inferfleet_node", "inferfleet_accelerators", "inferfleet_fabric"):
        known = {key: value for key, value in facts.get(name, {}).items() if key not in _VOLATILE.get(name, ())}
        if "accelerators" in known:
            known["accelerators"] = [
                {key: value for key, value in device.items() if key not in _VOLATILE_DEVICE}
                for device in known["accelerators"]
            ]
        stable[name] = known
    return stable
