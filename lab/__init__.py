"""The test cluster: container nodes with systemd and SSH, images, a registry and a hub on one machine."""
