"""`python -m app` is `lrscope`; so is `python PATH/TO/app`, from any folder."""

import sys
from pathlib import Path

if not __package__:
    # Started by its path: the folder around it goes first, before another `app` or `trainer`.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from app.cli.main import main

main()
