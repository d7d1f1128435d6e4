"""Where settings come from: flags over environment over a TOML file over defaults, each value with its origin.

A wrong or unknown setting is a `WrongSetting`: one sentence that names it as its writer wrote it, and what it may be.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, SettingsError

from moorage.cli.addresses import redacted
from moorage.cli.catalogue import Setting, catalogue
from moorage.cli.settings import DELIMITER, PREFIX, Settings

Name = tuple[str, ...]

_CLIENT_NAMES = (
    "URL", "API_KEY", "API_SECRET", "CONFIG", "TOKEN", "LINK", "LINK_CA_FILE", "JOIN_KEY_FILE", "POOL", "REGION"
)  # fmt: skip
_CLIENT_VARIABLE = re.compile(rf"{PREFIX}(?:{'|'.join(_CLIENT_NAMES)}|WORKER(?:_[A-Z]+)+|POD(?:_[A-Z]+)+)")
"""Variables of the same prefix that the SDKs and the client commands read."""

_SERVICE_LINK = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT\w*|PORT_\d+_(TCP|UDP|SCTP)\w*)=.*|\w+_PORT=(tcp|udp|sctp)://.*"
)
"""What Kubernetes injects for every Service beside a pod."""


class WrongSetting(ValueError):
    """A setting that stops the start."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force. `origins` says where the ones that are no default came from."""

    settings: Settings
    origins: Mapping[Name, str]


def load(flags: Mapping[str, object], config: Path | None) -> Loaded:
    """`flags` by dotted name, None where not given. Raises WrongSetting."""
    layers = [_file(config), _environment(), _flags(flags)]
    merged: dict[str, Any] = {}
    origins: dict[Name, str] = {}
    for values, origin in layers:
        for name, value in _leaves(values):
            _put(merged, name, value)
            origins[name] = origin.format(name=".".join(name), variable=variable(name), flag=_flag(name))
    try:
        return Loaded(Settings(**merged), origins)
    except ValidationError as error:
        raise WrongSetting(sentence(error.errors()[0], origins)) from error


def variable(name: Name) -> str:
    """The environment's name of a setting."""
    return PREFIX + DELIMITER.join(name).upper()


def sentence(error: ErrorDetails, origins: Mapping[Name, str]) -> str:
    """What is wrong with one setting, and what it may be."""
    name = tuple(str(part) for part in error["loc"] if isinstance(part, str))
    known = {setting.name: setting for setting in catalogue()}
    path = next((name[:end] for end in range(len(name), 0, -1) if name[:end] in known), name)
    origin = next((said for at, said in origins.items() if at[: len(path)] == path), ".".join(path))
    if path not in known:
        return _unknown(origin, ".".join(name), [".".join(at) for at in known])
    setting = known[path]
    given = "" if setting.is_secret else f"{error['input']!r}"
    return f"{origin} is {given}: {setting.about.partition(';')[0]}; it may be {setting.may_be}".replace(
        "is :", "is wrong:"
    )


def _unknown(origin: str, name: str, known: list[str]) -> str:
    bare = {each.removeprefix(PREFIX): each for each in known}  # the prefix alone would make any two names alike
    said = name.removeprefix(PREFIX)
    by_last_part = [each for each in bare if each.replace(DELIMITER, ".").rpartition(".")[2] == said]
    close = by_last_part[:4] or get_close_matches(said, bare, n=1, cutoff=0.75)
    hint = (
        f"did you mean {' or '.join(bare[each] for each in close)}?" if close else "`moorage config` lists all settings"
    )
    return f"{origin} is no setting: {hint}"


def _file(config: Path | None) -> tuple[dict[str, Any], str]:
    path = config or Path("moorage.toml")
    if config is None and not path.exists():
        return {}, ""
    try:
        return tomllib.loads(path.read_text()), f"{{name}} in {path}"
    except OSError as error:
        raise WrongSetting(f"the settings file {path} cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise WrongSetting(f"the settings file {path} is no TOML: {error}") from error


def _environment() -> tuple[dict[str, Any], str]:
    names = {variable(setting.name): setting for setting in catalogue()}
    for found, value in os.environ.items():
        name = found.upper()
        if name.startswith(PREFIX) and name not in names and not _is_no_setting(name, value):
            raise WrongSetting(_unknown(found, name, sorted(names)))
    try:
        return EnvSettingsSource(Settings)(), "{variable}"
    except SettingsError as error:
        raise WrongSetting(f"the environment cannot be read: {error}") from error


def _is_no_setting(name: str, value: str) -> bool:
    return _CLIENT_VARIABLE.fullmatch(name) is not None or _SERVICE_LINK.fullmatch(f"{name}={value}") is not None


def _flags(flags: Mapping[str, object]) -> tuple[dict[str, Any], str]:
    given: dict[str, Any] = {}
    for name, value in flags.items():
        if value is not None:
            _put(given, tuple(name.split(".")), value)
    return given, "{flag}"


def _flag(name: Name) -> str:
    flags = {setting.name: setting.flag for setting in catalogue()}
    return flags.get(name) or ".".join(name)


def _leaves(values: Mapping[str, Any], above: Name = ()) -> Iterator[tuple[Name, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _put(into: dict[str, Any], name: Name, value: object) -> None:
    *above, last = name
    for key in above:
        into = into.setdefault(key, {})
    into[last] = value


def effective(loaded: Loaded) -> Iterator[tuple[Setting, object, str]]:
    """Each setting, its value (secrets redacted) and its origin."""
    for setting in catalogue():
        value: Any = loaded.settings
        for part in setting.name:
            value = getattr(value, part)
        shown = ("***" if value else None) if setting.is_secret else _shown(setting, value)
        yield setting, shown, loaded.origins.get(setting.name, "default")


def _shown(setting: Setting, value: object) -> object:
    plain = setting.plain(value)
    if setting.name[-1].endswith("urls") and isinstance(plain, list | tuple):
        return [redacted(str(each)) for each in plain]
    return redacted(plain) if setting.name[-1].endswith("url") and isinstance(plain, str) else plain
