"""The weights' way onto the nodes: one copy over the WAN, the rest from node to node. Runs on the nodes."""
