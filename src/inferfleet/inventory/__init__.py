"""The inventory: its groups, hosts and settings, and what is refused before anything is changed."""

from inferfleet.inventory.check import check_inventory
from inferfleet.inventory.model import Inventory, settings_values

__all__ = ["Inventory", "check_inventory", "settings_values"]
