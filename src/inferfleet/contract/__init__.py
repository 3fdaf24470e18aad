"""The inventory contract: which keys a user sets, and what is refused before anything is changed."""

from inferfleet.contract.check import check_inventory, name_problem
from inferfleet.contract.inventory import Inventory, contract_values
from inferfleet.contract.model import SECRETS, Contract

__all__ = ["SECRETS", "Contract", "Inventory", "check_inventory", "contract_values", "name_problem"]
