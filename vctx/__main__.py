"""The program: `vctx`, and `python -m vctx`."""

import sys


def run() -> None:
    """The command line; Ctrl-C while it is still being loaded ends it as later on."""
    try:
        from vctx.cli import main

        main(prog_name="vctx")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
