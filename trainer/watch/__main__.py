"""`python -m lrscope` is the same as `lrscope`."""

from .command import main

main()
