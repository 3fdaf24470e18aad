"""Staging folder of one model on one node; keeps track of the pieces present, across restarts."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time

from ansible.module_utils.messages import N_, Message, os_reason
from ansible.module_utils.weights import manifest, pieces

STATE = ".inferfleet-state.json"
STAGING = ".inferfleet-staging"
"""Suffix of a staging folder's name, after a dot and the model's name; the same as in node_facts."""


WORK = ".inferfleet-work"
"""Prefix of the folders in a staging folder where other programs download."""


def staging_of(path):
    """Return the folder of a model until it is complete."""
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}{STAGING}")


class Store:
    """Files by their number in the manifest. Every method may be called from any thread.

    `have[n]` are the bits of the pieces of file n; `verified` are the bits of the files with a verified hash.
    """

    def __init__(self, path, files):
        self.path, self.staging = path, staging_of(path)
        self.names = sorted(files)
        self.wants = [files[name] for name in self.names]
        self.sizes = [want["size"] for want in self.wants]
        self.have = [0] * len(self.names)
        self.entries = {}
        self.verified = 0
        self.changed = threading.Condition()
        self._open = {}
        self._saved = 0.0

    def open(self, found):
        """Load the state: `found`, the intact files of the final folder, and those that an earlier run staged."""
        final = manifest.read(self.path).get("files", {})
        if len(found) == len(self.names) == len(final):  # complete: this node only seeds
            self.staging = self.path
            self.entries = dict(found)
            self.have = [pieces.all_pieces(size) for size in self.sizes]
            self.verified = (1 << len(self.names)) - 1
            return
        os.makedirs(self.staging, exist_ok=True)
        state = manifest.read_json(os.path.join(self.staging, STATE))
        staged, _ = manifest.survey(self.staging, self._by_name(), state.get("entries", {}))
        for number, name in enumerate(self.names):
            target = self.file(number)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            entry = found.get(name) or staged.get(name)
            if name in found and name not in staged:
                _link(os.path.join(self.path, name), target)
                entry = {**entry, "stamp": manifest.stamp(target)}
            if entry:
                self.entries[name] = entry
                self.have[number] = pieces.all_pieces(self.sizes[number])
                self.verified |= 1 << number
                continue
            kept = state.get("pieces", {}).get(name, {})
            same = (kept.get("hash"), kept.get("size")) == (self.wants[number]["hash"], self.sizes[number])
            if same and os.path.exists(target) and os.path.getsize(target) == self.sizes[number]:
                self.have[number] = int(kept["bits"], 16) & pieces.all_pieces(self.sizes[number])
            if not self.have[number]:
                self._make(number)
            if not self.sizes[number]:
                self.verify(number)

    def _by_name(self):
        return dict(zip(self.names, self.wants))

    def file(self, number):
        """Return the path of file `number` in the staging folder."""
        return os.path.join(self.staging, self.names[number])

    def _make(self, number):
        with open(self.file(number), "wb") as content:
            content.truncate(self.sizes[number])

    def descriptor(self, number):
        """Return a file descriptor for random access; it remains valid after the rename in `publish`."""
        with self.changed:
            if number not in self._open:
                try:
                    self._open[number] = os.open(self.file(number), os.O_RDWR)
                except PermissionError:
                    self._open[number] = os.open(self.file(number), os.O_RDONLY)
            return self._open[number]

    def write(self, number, offset, block):
        """Write bytes; their pieces count only after a call of `arrived`."""
        descriptor, view = self.descriptor(number), memoryview(block)
        while view:
            done = os.pwrite(descriptor, view, offset)
            view, offset = view[done:], offset + done

    def arrived(self, number, bits):
        """Mark pieces as present."""
        with self.changed:
            self.have[number] |= bits
            self.changed.notify_all()
        self.save()

    def is_complete(self, number):
        """Return whether all pieces of a file are present, verified or not."""
        return self.have[number] == pieces.all_pieces(self.sizes[number])

    def replace(self, number, source):
        """Move the complete file `source` into place as file `number`."""
        with self.changed:
            self._close(number)
            os.replace(source, self.file(number))
        self.arrived(number, pieces.all_pieces(self.sizes[number]))

    def verify(self, number):
        """Check the hash of a complete file; return whether it matches. A mismatching file is discarded."""
        entry = manifest.check(self.file(number), self.wants[number])
        with self.changed:
            if entry:
                self.entries[self.names[number]] = entry
                self.verified |= 1 << number
            else:
                self._close(number)
                self.have[number] = 0
                self._make(number)
            self.changed.notify_all()
        self.save(force=True)
        return bool(entry)

    def _close(self, number):
        # It may be in use for sending: the descriptor is closed at the end of the run, the file itself is replaced.
        if (old := self._open.pop(number, None)) is not None:
            self._open[f"old {number} {old}"] = old
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.file(number))

    @property
    def all_verified(self):
        """Whether every file is present and verified."""
        return self.verified == (1 << len(self.names)) - 1

    def bytes_present(self):
        """Return the total size of all present pieces in bytes."""
        return sum(pieces.bytes_of(size, bits) for size, bits in zip(self.sizes, self.have))

    @property
    def is_final(self):
        """Whether the files are in the final folder."""
        return self.staging == self.path

    def save(self, force=False):
        """Save the state, at most once a second; a killed run fetches the pieces since then again."""
        if self.is_final:
            return
        with self.changed:
            if not force and time.monotonic() - self._saved < 1:
                return
            self._saved = time.monotonic()
            partial = {
                self.names[n]: {"hash": self.wants[n]["hash"], "size": self.sizes[n], "bits": f"{bits:x}"}
                for n, bits in enumerate(self.have)
                if bits and not self.verified >> n & 1
            }
            state = {"entries": self.entries, "pieces": partial}
            manifest.write_json(os.path.join(self.staging, STATE), state)

    def publish(self, about):
        """Move the complete model to its final folder; see `move_into_place`."""
        manifest.write_json(
            os.path.join(self.staging, manifest.NAME), {**about, "complete": True, "files": self.entries}
        )
        with self.changed:  # nobody opens a file by its name while it moves
            move_into_place(self.staging, self.path, self.names)
            self.staging = self.path  # from where it continues to seed

    def close(self):
        """Close all files."""
        with self.changed:
            for descriptor in self._open.values():
                os.close(descriptor)
            self._open.clear()


def move_into_place(staging, path, names):
    """Move the manifest and the files `names` to the folder `path`, and remove everything else there, and `staging`.

    An existing folder stays the same folder: a container that mounts it sees the new files. An interrupted move
    continues with the next run, because the manifest, which moves first, does not match the files that are still
    missing.
    """
    if not os.path.isdir(path) or os.path.islink(path):
        for name in os.listdir(staging):
            if name == STATE or name.startswith(WORK):
                full = os.path.join(staging, name)
                shutil.rmtree(full) if os.path.isdir(full) else os.unlink(full)
        if os.path.lexists(path):
            os.unlink(path)
        os.rename(staging, path)
        return
    for name in (manifest.NAME, *names):
        target = os.path.join(path, name)
        if os.path.isdir(target) and not os.path.islink(target):
            shutil.rmtree(target)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.replace(os.path.join(staging, name), target)
    for name in set(_files_in(path)) - {manifest.NAME, *names}:
        os.unlink(os.path.join(path, name))
    shutil.rmtree(staging)


def _files_in(folder):
    """Return the paths of all files in a folder, relative to it."""
    return [os.path.relpath(os.path.join(base, name), folder) for base, _, names in os.walk(folder) for name in names]


def _link(source, target):
    """Create a hard link, or a copy if the file system has no hard links."""
    if os.path.lexists(target):
        os.unlink(target)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def disk_message(path, error):
    """Return the message on a failed disk write."""
    reason = os_reason(error)
    folder = os.path.dirname(path)
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    if getattr(error, "errno", 0) == 28 and folder:
        full = N_(
            "{path} cannot be written: {reason} ({free} bytes are free there). Free space there, and run the playbook"
            " again"
        )
        return Message("disk-full", full, path=path, reason=reason, free=shutil.disk_usage(folder).free)
    broken = N_("{path} cannot be written: {reason}. Check the disk, and run the playbook again")
    return Message("not-writable", broken, path=path, reason=reason)
