"""Detection of shared folders: the module on two paths to one folder."""

from tests.weights.fleet import run_module

MARKERS = {name: f".inferfleet-marker-zfx-{name}" for name in ("a", "b", "c")}


def markers(folder, node, step):
    return run_module("weights_markers", folder=str(folder), markers=MARKERS, node=node, step=step)["seen"]


def test_shared_folders_are_detected_and_markers_removed(tmp_path):
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


def test_unwritable_folder_has_no_marker(tmp_path):
    assert markers(tmp_path / "nowhere", "a", "create") == []
    assert markers(tmp_path / "nowhere", "a", "find") == []
