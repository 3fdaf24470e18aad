"""The whole practice cluster as steps."""

import docker

from lab import images, inventory, nodes, ssh
from lab.config import LabConfig, Node
from lab.steps import Step


def up_steps(client: docker.DockerClient, config: LabConfig) -> list[Step]:
    """Return the steps that bring the nodes up."""

    def node_step(node: Node) -> Step:
        return Step(
            node.name,
            lambda: nodes.start(client, config, node, images.node(client, config.cache)),
            after=("node image", "network", "ssh keys"),
        )

    return [
        Step("ssh keys", lambda: ssh.prepare(config)),
        Step("inventory", lambda: inventory.write(config)),
        Step("node image", lambda: images.node(client, config.cache)),
        Step("network", lambda: nodes.network(client, config)),
        *(node_step(node) for node in config.nodes),
    ]
