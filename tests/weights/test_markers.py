"""Which nodes see the same folder: the module itself, on folders that are one."""

from tests.weights.fleet import run_module

MARKERS = {name: f".inferfleet-marker-zfx-{name}" for name in ("a", "b", "c")}


def markers(folder, node, step):
    return run_module("weights_markers", folder=str(folder), markers=MARKERS, node=node, step=step)["seen"]


def test_nodes_find_who_sees_their_folder_and_leave_nothing(tmp_path):
    nas, own = tmp_path / "nas", tmp_path / "own"
    nas.mkdir()
    own.mkdir()
    (tmp_path / "mount").symlink_to(nas)  # another path to the same folder, as on another node
    folders = {"a": nas, "b": tmp_path / "mount", "c": own}
    for node, folder in folders.items():
        markers(folder, node, "create")
    assert {node: markers(folder, node, "find") for node, folder in folders.items()} == {
        "a": ["a", "b"],
        "b": ["a", "b"],
        "c": ["c"],
    }
    for node, folder in folders.items():
        markers(folder, node, "remove")
    assert not [*nas.iterdir(), *own.iterdir()]


def test_a_folder_that_cannot_be_written_to_holds_no_mark(tmp_path):
    assert markers(tmp_path / "nowhere", "a", "create") == []
    assert markers(tmp_path / "nowhere", "a", "find") == []
