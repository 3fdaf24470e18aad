"""Distribution of weights to the nodes: one copy over the WAN, the rest peer to peer. Runs on the nodes."""
