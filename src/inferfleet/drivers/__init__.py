"""Accelerator drivers: required versions and problems of installed ones."""

from inferfleet.drivers.nvidia import gpudirect_by_peermem, install_needed, nvidia_flavour, restart_due
from inferfleet.drivers.state import driver_problems

__all__ = ["driver_problems", "gpudirect_by_peermem", "install_needed", "nvidia_flavour", "restart_due"]
