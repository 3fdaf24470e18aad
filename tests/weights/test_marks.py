"""Which nodes see the same folder: the module itself, on folders that are one."""

from tests.weights.fleet import run_module

MARKS = {name: f".inferfleet-mark-zfx-{name}" for name in ("a", "b", "c")}


def marks(folder, node, step):
    return run_module("weights_marks", folder=str(folder), marks=MARKS, node=node, step=step)["seen"]


def test_nodes_find_who_sees_their_folder_and_leave_nothing(tmp_path):
    nas, own = tmp_path / "nas", tmp_path / "own"
    nas.mkdir()
    own.mkdir()
    (tmp_path / "mount").symlink_to(nas)  # another path to the same folder, as on another node
    folders = {"a": nas, "b": tmp_path / "mount", "c": own}
    for node, folder in folders.items():
        marks(folder, node, "leave")
    assert {node: marks(folder, node, "look") for node, folder in folders.items()} == {
        "a": ["a", "b"],
        "b": ["a", "b"],
        "c": ["c"],
    }
    for node, folder in folders.items():
        marks(folder, node, "remove")
    assert not [*nas.iterdir(), *own.iterdir()]


def test_a_folder_that_cannot_be_written_to_holds_no_mark(tmp_path):
    assert marks(tmp_path / "nowhere", "a", "leave") == []
    assert marks(tmp_path / "nowhere", "a", "look") == []
