"""`python -m hummingbus`, and the `hummingbus` command. Groups import it again: the command line stays out of them."""

import sys


def main() -> None:
    """Run the command line; `up` without it, as the supervisor lives long and needs none of its imports."""
    if sys.argv[1:] == ["up"]:
        from hummingbus.commands.up import up

        up()
    else:
        from hummingbus.cli import main as run

        run()


if __name__ == "__main__":
    main()
