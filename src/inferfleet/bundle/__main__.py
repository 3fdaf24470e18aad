"""Add an image that no registry has to an air-gap bundle: `python -m inferfleet.bundle FOLDER IMAGE ARCHIVE`.

ARCHIVE is a file of `docker save IMAGE`; it is moved into the bundle.
"""

import sys
from pathlib import Path

from inferfleet.bundle.index import add_image


def main() -> None:
    """Add the image named on the command line."""
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    folder, name, archive = sys.argv[1:]
    try:
        add_image(Path(folder), name, Path(archive))
    except (OSError, ValueError) as error:
        sys.exit(f"The image was not added: {error}.")


if __name__ == "__main__":
    main()
