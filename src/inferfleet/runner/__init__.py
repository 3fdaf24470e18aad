"""Run a playbook with ansible-runner and aggregate its events into one result."""
