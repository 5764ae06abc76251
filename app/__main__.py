"""`python -m app` is `lrscope`."""

from app.cli.main import main

main()
