"""A node's accelerators, as their vendors' tools and the kernel report them. Runs on the nodes; stdlib only."""
