"""A run as a Python script in plain PyTorch, which gives the run's numbers."""

import textwrap

from ..store.store import Store
from .course import course


def script(store: Store, run: int) -> str:
    """The text of a script that trains a run as LRScope did, with its forks' past and its changes
    by hand: on the same CPU it prints the run's numbers, bit by bit.

    It prints `epoch lr train_loss val_loss val_accuracy` after each epoch, every number in full.
    Its only argument is the folder of the data sets; for digits it needs none.

    Raises:
        ExportError: there is no such run, or it was not trained here.
    """
    from .code import WIDTH, comment
    from .sections import Form, about, sections, title

    form = Form(
        root=[
            "parser = argparse.ArgumentParser()",
            "parser.add_argument(",
            '    "root", help="folder of the data sets; what is missing there is downloaded"',
            ")",
            "root = parser.parse_args().root",
        ],
        test='print("test", test_loss, test_accuracy, file=sys.stderr)',
    )
    past = course(store, run)
    paragraphs = [f"{title(past)}.", *about(past)]
    head = "\n\n".join(textwrap.fill(paragraph, WIDTH) for paragraph in paragraphs)
    first, *others = sections(past, form)
    parts = [f'"""{head}\n"""\n\n{first.code}']
    for part in others:
        heading = f"{part.title}. {part.about}".rstrip()
        parts.append("\n".join([*comment(heading), part.code]))
    return "\n\n\n".join(parts) + "\n"
