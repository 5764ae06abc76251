"""`python -m app` is `lrscope`."""

from app.cli import main

main()
