"""How many epochs have to be retrained to reach an epoch. torch-free."""

from ..store.lineage import owner
from ..store.store import Store
from . import files


def epochs_to_retrain(store: Store, run: int, epoch: int) -> int:
    """How many epochs have to be retrained to reach the end of this one: 0 if it has a snapshot."""
    run = owner(store, run, epoch)
    for kept in files.nearest(files.folder(store.home, run), epoch):
        return epoch - kept.at[0]
    row = store.run(run)
    if row is None or row.parent is None or row.parent_epoch is None:
        return epoch
    return epoch - row.parent_epoch + epochs_to_retrain(store, row.parent, row.parent_epoch)
