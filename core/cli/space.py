"""`python -m core space`: the suite, or one tab of it, as a Space of the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from core.cli.flags import Result, folder, system, verb

Name = Annotated[str, Argument(help="a Space, see `list`")]

app = system(
    "space",
    "Stage and upload Spaces. A Space is a folder with an app, its lists of packages, and only the code and weights it needs.",
    """examples:
  python -m core space build crossbreed --to build/crossbreed
  python -m core space push crossbreed --to me/crossbreed --hardware zero-a10g""",
)


@verb(app, name="list")
def list_spaces() -> Result:
    """The Spaces that can be staged, with their tabs."""
    from core.publish import space_names, tabs_of

    return {name: ", ".join(tabs_of(name)) for name in space_names()}


@verb(app, "crossbreed --to build/crossbreed")
def build(
    name: Name,
    to: Annotated[Path, Option(metavar="FOLDER", callback=folder, help="an empty folder, or one staged before")],
    try_it: Annotated[bool, Option("--try/--no-try", help="start the app once")] = True,
) -> Result:
    """Write a complete Space into a folder, and start its app once."""
    from core.publish import stage, try_out

    space = stage(name, to)
    files = [file for file in space.rglob("*") if file.is_file()]
    megabytes = round(sum(file.stat().st_size for file in files) / 1e6, 1)
    result: Result = {"folder": str(space), "files": len(files), "megabytes": megabytes}
    return {**result, "endpoints": try_out(space)} if try_it else result


@verb(app, "crossbreed --to me/crossbreed --hardware zero-a10g")
def push(
    name: Name,
    to: Annotated[str, Option(metavar="USER/SPACE", help="where on the Hub; made if it does not exist")],
    public: Annotated[bool, Option("--public", help="let everybody see a new Space")] = False,
    hardware: Annotated[
        str | None, Option(help="of a new Space, such as zero-a10g (ZeroGPU), cpu-basic or t4-small")
    ] = None,
) -> Result:
    """Stage a Space in a temporary folder, start it once, upload it."""
    import tempfile

    from core.publish import push as upload
    from core.publish import stage, try_out

    with tempfile.TemporaryDirectory() as space:
        staged = stage(name, f"{space}/{name}")
        try_out(staged)
        return {"address": upload(staged, to, private=not public, hardware=hardware)}


@verb(app)
def lists() -> Result:
    """Renew requirements.txt and packages.txt of all Spaces from the project's."""
    from core.publish import write_lists

    return {"written": [str(path) for path in write_lists()]}
