"""The staging folder of one model on one node: which pieces of which file are there, across restarts."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time

from ansible.module_utils.messages import N_, Message
from ansible.module_utils.weights import manifest, pieces

STATE = ".inferfleet-state.json"
STAGING = ".inferfleet-staging"
"""What the name of a staging folder ends with, after a dot and the model's own; node_facts knows it too."""


def staging_of(path):
    """Return the folder where a model lies until it is whole."""
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}{STAGING}")


class Store:
    """Files by their number in the manifest. Every method may be called from any thread.

    `have[n]` are the bits of the pieces of file n; `verified` are the bits of the files whose content is proved.
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
        """Take over what is there: `found`, the good files of the final folder, and what an earlier run has staged."""
        final = manifest.read(self.path).get("files", {})
        if len(found) == len(self.names) == len(final):  # nothing to do but to give to others
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
                self.finish(number)

    def _by_name(self):
        return dict(zip(self.names, self.wants))

    def file(self, number):
        """Return where file `number` lies until all are there."""
        return os.path.join(self.staging, self.names[number])

    def _make(self, number):
        with open(self.file(number), "wb") as content:
            content.truncate(self.sizes[number])

    def descriptor(self, number):
        """Return an open file to read from and write to at any place; it outlives the renaming in `publish`."""
        with self.changed:
            if number not in self._open:
                try:
                    self._open[number] = os.open(self.file(number), os.O_RDWR)
                except PermissionError:
                    self._open[number] = os.open(self.file(number), os.O_RDONLY)
            return self._open[number]

    def write(self, number, offset, block):
        """Write bytes; they count only once `arrived` names their pieces."""
        descriptor, view = self.descriptor(number), memoryview(block)
        while view:
            done = os.pwrite(descriptor, view, offset)
            view, offset = view[done:], offset + done

    def arrived(self, number, bits):
        """Take note of pieces."""
        with self.changed:
            self.have[number] |= bits
            self.changed.notify_all()
        self.save()

    def is_complete(self, number):
        """Whether all pieces are there, proved or not."""
        return self.have[number] == pieces.all_pieces(self.sizes[number])

    def replace(self, number, source):
        """Make the file that lies at `source` file `number`, all pieces there."""
        with self.changed:
            self._close(number)
            os.replace(source, self.file(number))
        self.arrived(number, pieces.all_pieces(self.sizes[number]))

    def finish(self, number):
        """Prove a complete file by its content; return whether it is right. A wrong one is dropped whole."""
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
        # Someone may be sending from it: the number is closed at the end of the run, the file itself is replaced.
        if (old := self._open.pop(number, None)) is not None:
            self._open[f"old {number} {old}"] = old
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.file(number))

    @property
    def whole(self):
        """Whether every file is there and proved."""
        return self.verified == (1 << len(self.names)) - 1

    def bytes_there(self):
        """Return the bytes of all pieces that are there."""
        return sum(pieces.bytes_of(size, bits) for size, bits in zip(self.sizes, self.have))

    @property
    def is_final(self):
        """Whether the files have their final name."""
        return self.staging == self.path

    def save(self, force=False):
        """Remember what is there, at most once a second: what a killed run loses is fetched again."""
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
        """Give the whole model its final name, in the place of whatever had it."""
        manifest.write_json(
            os.path.join(self.staging, manifest.NAME), {**about, "complete": True, "files": self.entries}
        )
        for name in os.listdir(self.staging):
            if name == STATE or name.startswith(".inferfleet-work"):
                full = os.path.join(self.staging, name)
                shutil.rmtree(full) if os.path.isdir(full) else os.unlink(full)
        old = f"{self.staging}-old"
        shutil.rmtree(old, ignore_errors=True)
        if os.path.lexists(self.path):
            os.rename(self.path, old)
        os.rename(self.staging, self.path)
        self.staging = self.path  # from where it goes on giving to others
        shutil.rmtree(old, ignore_errors=True)

    def close(self):
        """Close all files."""
        with self.changed:
            for descriptor in self._open.values():
                os.close(descriptor)
            self._open.clear()


def _link(source, target):
    """Let a file have a second name; where the file system cannot, copy it."""
    if os.path.lexists(target):
        os.unlink(target)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def disk_message(path, error):
    """Return the message on a disk that refuses."""
    reason = error.strerror or str(error)
    folder = os.path.dirname(path)
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    if getattr(error, "errno", 0) == 28 and folder:
        full = N_(
            "{path} cannot be written: {reason} ({free} bytes are free there). Make room or repair the disk, and run it"
            " again"
        )
        return Message("disk-full", full, path=path, reason=reason, free=shutil.disk_usage(folder).free)
    broken = N_("{path} cannot be written: {reason}. Make room or repair the disk, and run it again")
    return Message("not-writable", broken, path=path, reason=reason)
