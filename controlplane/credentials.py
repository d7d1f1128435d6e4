"""Keys that people hold: `ak_…` for backends, `jk_…` for workers. Only their SHA-256 and a hint are ever stored."""

from __future__ import annotations

from base64 import b32encode
from dataclasses import dataclass, field
from hashlib import sha256
from zlib import crc32

from moorage.ids import Draw

API_KEY = "ak"
JOIN_KEY = "jk"
MIN_PRESET = 24  # characters of a key that an operator made up
MAX_CREDENTIAL = 256


@dataclass(frozen=True, slots=True)
class Credential:
    """A key as it is shown, once."""

    text: str = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256, lower-case hex: what is stored and looked up."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def hint(self) -> str:
        """Enough to recognise the key by, too little to use it."""
        return f"{self.text[:6]}…{self.text[-4:]}"


def make(prefix: str, draw: Draw) -> Credential:
    """`<prefix>_<32 base32 characters>_<crc32>`: 160 bits of chance, and a checksum for secret scanners and typing errors."""
    body = f"{prefix}_{b32encode(draw(20)).decode().lower()}"
    return Credential(f"{body}_{crc32(body.encode()):08x}")


def preset(text: str, name: str) -> Credential:
    """An operator's own key. Raises ValueError naming the setting."""
    if not (MIN_PRESET <= len(text) <= MAX_CREDENTIAL and text.isascii() and text.isprintable() and " " not in text):
        raise ValueError(f"{name} must be {MIN_PRESET} to {MAX_CREDENTIAL} printable ASCII characters without spaces")
    if text.startswith((f"{API_KEY}_", f"{JOIN_KEY}_")) and not is_well_formed(text):
        raise ValueError(f"{name} looks like a Moorage key but its checksum is wrong: it was mistyped or cut short")
    return Credential(text)


def is_well_formed(text: str) -> bool:
    """Whether the checksum at the end fits the rest."""
    body, _, check = text.rpartition("_")
    return check == f"{crc32(body.encode()):08x}"
