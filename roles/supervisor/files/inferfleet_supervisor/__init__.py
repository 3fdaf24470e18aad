"""Supervision of a replica as a group: starts, watches and restarts the containers of its nodes together."""
