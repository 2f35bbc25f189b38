"""Zip archives, whatever they hold: opened within bounds, so that a small file cannot fill the memory."""

import zlib
from io import BytesIO
from zipfile import BadZipFile, ZipFile

from vctx.errors import InputError

LARGEST = 2**30
"""Bytes of all members together, unpacked."""
RATIO = 200
"""Times that a whole archive may grow; text shrinks to a tenth, seldom to a fiftieth."""
SMALL = 16 * 2**20
"""Bytes, unpacked, below which the ratio is nobody's concern."""


def opened(data: bytes, name: str) -> ZipFile:
    """An archive whose members, by its own account, stay within bounds; no member is read beyond that."""
    try:
        file = ZipFile(BytesIO(data))
    except (BadZipFile, NotImplementedError, ValueError) as error:
        raise InputError(f"{name} is damaged or cut off: {error}; fetch it again") from error
    size = sum(member.file_size for member in file.infolist())
    if size > LARGEST or (size > SMALL and size > RATIO * len(data)):
        raise InputError(
            f"{name} unpacks from {len(data):,} to {size:,} bytes; a document does not: nothing was read"
        )
    if any(member.flag_bits & 1 for member in file.infolist()):
        raise InputError(f"{name} is encrypted; unpack it with its password first")
    return file


def member(file: ZipFile, path: str, name: str) -> bytes:
    """The bytes of a member. Raises InputError where it is not there, or is damaged."""
    try:
        return file.read(path)
    except KeyError as error:
        raise InputError(f"{name} is not whole: {path} is missing in it") from error
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise InputError(f"{name} is damaged at {path}: {error}; fetch it again") from error
