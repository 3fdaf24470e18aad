"""Discovery of the checkout and the inventory."""

from pathlib import Path

import pytest

from inferfleet.runner.checkout import find_checkout, find_inventory
from inferfleet.runner.errors import UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for folder in ("playbooks", "inventories/lab", "inventories/a800", "inventories/.hidden"):
        (root / folder).mkdir(parents=True)
    (root / "site.yml").write_text("[]")
    return root


def test_checkout_is_found_from_a_subfolder(root: Path) -> None:
    assert find_checkout(root / "inventories" / "lab", {}) == root


def test_variable_overrides_the_current_folder(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "playbooks").mkdir(parents=True)
    (other / "site.yml").write_text("[]")
    assert find_checkout(root, {"INFERFLEET_HOME": str(other)}) == other


def test_source_tree_of_the_package_is_the_fallback(tmp_path: Path) -> None:
    assert (find_checkout(tmp_path, {}) / "src" / "inferfleet").is_dir()


def test_invalid_variable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"INFERFLEET_HOME is '.*', which contains no site.yml"):
        find_checkout(tmp_path, {"INFERFLEET_HOME": str(tmp_path)})


def test_inventory_is_searched_in_current_folder_then_checkout(root: Path) -> None:
    assert find_inventory("lab", root / "inventories", root) == str(root / "inventories/lab")
    assert find_inventory("inventories/lab", Path("/"), root) == str(root / "inventories/lab")


def test_host_list_is_passed_unchanged(root: Path) -> None:
    assert find_inventory("10.0.0.1,10.0.0.2", root, root) == "10.0.0.1,10.0.0.2"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("inventories/lba", "Did you mean inventories/lab?"),
        ("a80", "Did you mean inventories/a800?"),
        *((name, "Available inventories: inventories/a800, inventories/lab.") for name in ("zzzzzz", "", " ", ".")),
    ],
)
def test_unknown_inventory_suggests_similar_names(root: Path, name: str, remedy: str) -> None:
    with pytest.raises(UsageError) as refused:
        find_inventory(name, root, root)
    assert refused.value.problem.message == f"Inventory {name!r} does not exist."
    assert refused.value.problem.remedy == remedy
