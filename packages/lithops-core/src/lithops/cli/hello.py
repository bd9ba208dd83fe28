"""`lithops hello`: the first function."""

from __future__ import annotations

import click

from lithops.cli.options import choice_options, debug_option
from lithops.errors import LithopsError


@click.command("hello")
@choice_options
@click.option("-m", "--map", "calls", metavar="N", type=click.IntRange(min=1), help="Run N calls at once.")
@debug_option
def command(config_file: str | None, backend: str | None, storage: str | None, calls: int | None) -> None:
    """Run a first function, to see that all works."""
    import getpass

    from lithops.executors import FunctionExecutor

    def greet(name: str) -> str:  # nested, so that it travels whole: runtimes need not have the command line
        return f"Hello {name}! Lithops is working as expected :)"

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user id has no name
        user = "you"
    greeting = greet(user)
    with FunctionExecutor(config_file=config_file, backend=backend, storage=storage) as fexec:
        if calls is None:
            fexec.call_async(greet, (user,))
            right = fexec.get_result() == greeting
        else:
            fexec.map(greet, [user] * calls)
            results = fexec.get_result()
            right = results == [greeting] * calls
            if right:
                click.echo(f"All {calls} map activations returned: {sorted(set(results))}")
    if not right:
        raise LithopsError("Something went wrong :( the calls did not return what they should; try 'lithops doctor'")
    click.echo(greeting)
