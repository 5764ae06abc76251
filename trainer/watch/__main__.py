"""`python -m lrscope` is `lrscope`."""

from .command import main

main()
