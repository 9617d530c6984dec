"""Files that hold people's data: written whole or not at all, for their owner alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from overture_core.errors import InvalidInput
from overture_core.ids import new_id

OWNER_ALONE = 0o600


@contextmanager
def written(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Hand out a temporary file beside `path`, which takes its place at the end; an error leaves nothing behind.

    Raises:
        InvalidInput: there is such a file and no `force`, or its folder cannot be written to.
    """
    if path.is_dir():
        msg = f"{path} is a folder; name a file in it."
        raise InvalidInput(msg)
    if path.exists() and not force:
        msg = f"There is a file {path} already; name another, or add --force to write over it."
        raise InvalidInput(msg)
    temporary = path.with_name(f".{path.name}.{new_id('tmp')}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ALONE))
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror}); name a file in a folder of yours."
        raise InvalidInput(msg) from error
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        msg = f"{path} could not be written ({error.strerror}); nothing was left there."
        raise InvalidInput(msg) from error
    finally:
        temporary.unlink(missing_ok=True)
