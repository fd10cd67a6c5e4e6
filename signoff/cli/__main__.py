"""`python -m signoff.cli`: the same as the command `signoff`."""

from signoff.cli import main

main()
