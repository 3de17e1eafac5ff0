"""Files encrypted at rest, of any size: a chain of Fernet tokens whose order and end are sealed too."""

import struct
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from medsync_app.errors import Invalid

MAGIC = b"MEDSYNC-SEALED-1\n"
CHUNK = 1 << 20
_LENGTH, _HEAD = struct.Struct(">I"), struct.Struct(">Q?")


def seal(source: Path, target: Path, key: bytes) -> int:
    """Encrypt `source` into `target`; returns the size in bytes. Memory stays at a few chunks."""
    fernet = Fernet(key)
    with source.open("rb") as plain, target.open("wb") as sealed:
        sealed.write(MAGIC)
        index, data = 0, plain.read(CHUNK)
        while True:
            following = plain.read(CHUNK)
            token = fernet.encrypt(_HEAD.pack(index, not following) + data)
            sealed.write(_LENGTH.pack(len(token)) + token)
            if not following:
                break
            index, data = index + 1, following
    return target.stat().st_size


def unseal(source: Path, target: Path, key: bytes) -> None:
    """Decrypt; Invalid, leaving no file, when the key is another or the file is cut off, reordered or changed."""
    try:
        with source.open("rb") as sealed, target.open("wb") as plain:
            if sealed.read(len(MAGIC)) != MAGIC:
                raise Invalid("This file is not an encrypted backup of MedSync.", "file")
            index, last = 0, False
            while not last:
                size = sealed.read(_LENGTH.size)
                if len(size) < _LENGTH.size:
                    raise Invalid("The backup is cut off. Use another one.", "file")
                body = Fernet(key).decrypt(sealed.read(_LENGTH.unpack(size)[0]))
                number, last = _HEAD.unpack_from(body)
                if number != index:
                    raise Invalid("The backup was changed: its parts are out of order.", "file")
                plain.write(body[_HEAD.size :])
                index += 1
            if sealed.read(1):
                raise Invalid("The backup was changed: something follows its end.", "file")
    except InvalidToken as error:
        target.unlink(missing_ok=True)
        raise Invalid("The key does not open this backup, or the backup was changed.", "file") from error
    except Invalid:
        target.unlink(missing_ok=True)
        raise
