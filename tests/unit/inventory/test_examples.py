"""Inventories made from the examples."""

from pathlib import Path

import pytest

from inferfleet.inventory.examples import create, examples
from inferfleet.inventory.read import read_inventory
from inferfleet.planner import plan_cluster
from inferfleet.runner.errors import UsageError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a800", "h20", "lab"):
        (tmp_path / "inventories" / name / ".secrets").mkdir(parents=True)
        (tmp_path / "inventories" / name / ".secrets" / "token").write_text("secret")
        (tmp_path / "inventories" / name / "report.html").write_text("report")
        (tmp_path / "inventories" / name / "hosts.yml").write_text(
            f"---\n# Eight {name}. Replace the addresses.\nall:\n"
        )
    return tmp_path


def test_examples_and_descriptions(root):
    assert examples(root) == {"a800": "Eight a800", "h20": "Eight h20"}


def test_secrets_and_results_are_not_copied(root):
    written = create(root, "a800", root / "new" / "site")
    assert [path.name for path in written] == [".gitignore", "hosts.yml"]
    assert ".secrets/" in written[0].read_text().splitlines()


def test_an_empty_folder_is_used(root):
    (root / "empty").mkdir()
    assert create(root, "h20", root / "empty")


@pytest.mark.parametrize("name", ["file", "full"])
def test_existing_content_is_kept(root, name):
    (root / "file").write_text("mine")
    (root / "full").mkdir()
    (root / "full" / "hosts.yml").write_text("mine")
    with pytest.raises(UsageError) as refused:
        create(root, "h20", root / name)
    assert refused.value.problem.code == "not-empty"
    assert (root / "file").read_text() == (root / "full" / "hosts.yml").read_text() == "mine"


@pytest.mark.parametrize(("like", "names"), [("a80", ["a800"]), ("", ["a800", "h20"]), ("lab", ["a800", "h20"])])
def test_unknown_example(root, like, names):
    with pytest.raises(UsageError) as refused:
        create(root, like, root / "new")
    assert (refused.value.problem.code, refused.value.problem.parameters["names"]) == ("no-example", names)
    assert not (root / "new").exists()


@pytest.mark.parametrize("name", list(examples(ROOT)))
def test_a_copy_is_planned_like_the_example(tmp_path, name):
    create(ROOT, name, tmp_path / "copy")
    copied, original = (
        [plan.as_dict() for plan in plan_cluster(read_inventory(str(path), root=ROOT)).plans]
        for path in (tmp_path / "copy", ROOT / "inventories" / name)
    )
    assert copied
    assert copied == original
