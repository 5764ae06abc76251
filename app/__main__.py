"""`python -m app`, or `python PATH/TO/app` from any folder, is the same as `lrscope`."""

import sys
from pathlib import Path

if not __package__:
    # Started by path: put the parent folder first, before any other `app` or `trainer`.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from app.cli.main import main

main()
