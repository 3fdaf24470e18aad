"""Run a playbook with ansible-runner and fold what it reports into one result."""
