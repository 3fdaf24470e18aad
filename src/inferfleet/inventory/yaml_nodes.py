"""Nodes of a YAML document, read before it is loaded."""

import yaml


def expanded(node: yaml.Node, sizes: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """Return the number of values and the levels of nesting with aliases expanded; infinite for a cycle."""
    if id(node) not in sizes:
        sizes[id(node)] = (float("inf"), float("inf"))
        inner = [expanded(child, sizes) for child in children(node)]
        sizes[id(node)] = (1 + sum(size for size, _ in inner), 1 + max((depth for _, depth in inner), default=0))
    return sizes[id(node)]


def children(node: yaml.Node) -> list[yaml.Node]:
    """Return the nodes directly below a mapping or a sequence."""
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def values_of(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """Return the values of a mapping by name; nothing for another node."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
