"""The inventory: its groups, hosts and settings, and the checks of each."""

from inferfleet.inventory.model import Inventory, settings_values

__all__ = ["Inventory", "settings_values"]
