"""``hybridmesh demo``: the whole of it at work."""
import click
__all__ = ["demo"]
@click.command()
def demo() -> None:
    """The shop."""
