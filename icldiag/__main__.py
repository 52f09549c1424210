"""`python -m icldiag` is the `icldiag` command."""

from icldiag.cli import main

main()
