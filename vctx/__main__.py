"""`python -m vctx` is `vctx`."""

from vctx.cli import main

main(prog_name="vctx")
