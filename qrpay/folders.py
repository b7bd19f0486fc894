"""Folders of ours, which nobody else on the machine looks into."""

from pathlib import Path


def private_folder(path: Path) -> Path:
    """Make a folder where there is none, and those above it that are missing, all with mode 0700; answers it.

    `Path.mkdir` gives its mode to the last one only: whoever began with a folder inside `.qrpay` left that one open.
    """
    for folder in reversed([path, *path.parents]):
        if not folder.exists():
            folder.mkdir(0o700, exist_ok=True)
    return path
