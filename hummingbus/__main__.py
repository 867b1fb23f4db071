"""`python -m hummingbus`, and the `hummingbus` command. Groups import it again: the command line stays out of them."""


def main() -> None:
    """Run the command line."""
    from hummingbus.cli import main as run

    run()


if __name__ == "__main__":
    main()
