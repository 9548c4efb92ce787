"""All commands, gathered under one Typer app."""

from __future__ import annotations

from typing import Annotated

import typer

from oneofeach import __version__
from oneofeach.apps.cli import apply, clean, compare, decisions, doctor, explore, export, find, query, review, stores
from oneofeach.apps.cli.printing import put

app = typer.Typer(
    name="oneofeach",
    help="Keeps one of each image: finds duplicate and very similar images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        put(f"oneofeach {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


app.command()(find.find)
app.command()(review.review)
app.command()(clean.clean)
app.command()(apply.apply)
app.command()(apply.undo)
app.command()(apply.journals)
app.command()(decisions.keep)
app.command()(decisions.not_duplicates)
app.add_typer(decisions.decisions, name="decisions")
app.command()(compare.compare)
app.command()(export.export)
app.command()(query.query)
app.command()(query.watch)
app.command()(explore.explore)
app.command()(explore.evaluate)
app.add_typer(stores.index, name="index")
app.command()(doctor.doctor)
