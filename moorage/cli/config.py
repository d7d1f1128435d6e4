"""`moorage config`: the settings in force, and the reference of all settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moorage.cli.extras import server_extra
from moorage.cli.report import json_option, show_table

if TYPE_CHECKING:
    from moorage.cli.catalogue import Setting
    from moorage.cli.sources import Loaded

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="MOORAGE_CONFIG",
    help="TOML file with settings; ./moorage.toml where there is one.",
)


@click.command()
@config_option
@click.option("--reference", is_flag=True, help="Print docs/configuration.md instead.")
@json_option
def config(config: Path | None, *, reference: bool, as_json: bool) -> None:
    """Show the settings in force and where each comes from. Secrets are not shown."""
    with server_extra("config"):
        from moorage.cli.sources import effective
    if reference:
        click.echo("\n".join(reference_lines()))
        return
    rows = [
        {"setting": ".".join(setting.name), "value": value, "unit": setting.unit, "from": origin}
        for setting, value, origin in effective(loaded_or_exit({}, config))
    ]
    show_table(rows, ("setting", "value", "unit", "from"), as_json=as_json, empty="")


def loaded_or_exit(flags: dict[str, object], file: Path | None) -> Loaded:
    """Settings, or a wrong one as the command's error."""
    from moorage.cli.sources import WrongSetting, load

    try:
        return load(flags, file)
    except WrongSetting as error:
        raise click.ClickException(str(error)) from error


def reference_lines() -> Iterator[str]:
    """docs/configuration.md, made from the settings."""
    from moorage.cli.catalogue import catalogue, groups

    yield from _HEAD.replace("{reloaded}", _reloaded()).splitlines()
    tables: dict[tuple[str, ...], list[Setting]] = {}
    for setting in catalogue():
        tables.setdefault(setting.name[:-1], []).append(setting)
    about = groups()
    for group, settings in tables.items():
        yield from ("", f"## {'.'.join(group) or 'At the top'}", "", about[group], "")
        yield "| setting | default | unit | may be | what it does | option |"
        yield "|---|---|---|---|---|---|"
        yield from map(_row, settings)


def _reloaded() -> str:
    from moorage.cli.reloading import RELOADED

    return ", ".join(f"`{'.'.join(name)}`" for name in RELOADED)


def _row(setting: Setting) -> str:
    default = "" if setting.default in (None, "", []) else f"`{json.dumps(setting.default)}`"
    option = f"`{setting.flag}`" if setting.flag else ""
    return f"| `{setting.name[-1]}` | {default} | {setting.unit} | {setting.may_be} | {setting.about} | {option} |"


_HEAD = """\
# Settings

Printed by `moorage config --reference`; a test keeps this page and the program the same.

A setting is taken from, the first that has it: an option of the command, the environment, the TOML file, the default.
`gateway.limits.frame_bytes` is `MOORAGE_GATEWAY__LIMITS__FRAME_BYTES` in the environment (two underscores between
parts) and this in `moorage.toml`, or in the file that `--config` or `MOORAGE_CONFIG` names:

```toml
[gateway.limits]
frame_bytes = 65536
```

A wrong or unknown setting stops the start with a sentence that names it. `moorage config` shows what is in force and
where each value came from. `MOORAGE_URL` and `MOORAGE_API_KEY` are for the commands that talk to a running Moorage.

SIGHUP reads the file and certificates again. {reloaded} change in the running program, limits for connections that begin
from then on; of any other changed setting the log says that it needs a restart."""
