"""The tables of the store's current version. torch-free.

To change them: change SCHEMA, raise VERSION, and add a migration to `trainer.store.migrations`
with a test on a stored home of the previous version.
"""

from dataclasses import fields

from ..schedule.epoch import Epoch

VERSION = 5
SCHEMA = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created REAL NOT NULL,
    source TEXT NOT NULL,
    origin TEXT,
    config TEXT NOT NULL,
    config_version INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    owner TEXT,
    began REAL,
    ended REAL,
    pace REAL,
    started TEXT,
    activity TEXT,
    epoch INTEGER NOT NULL DEFAULT 0,
    batch INTEGER NOT NULL DEFAULT 0,
    test_loss REAL,
    test_accuracy REAL,
    parent INTEGER REFERENCES runs (id),
    parent_epoch INTEGER,
    decision TEXT,
    paused INTEGER NOT NULL DEFAULT 0,
    asked INTEGER NOT NULL DEFAULT 0,
    warning TEXT,
    name TEXT,
    starred INTEGER NOT NULL DEFAULT 0,
    tags TEXT NOT NULL DEFAULT '[]',
    note TEXT,
    archived INTEGER NOT NULL DEFAULT 0,
    deleted REAL,
    controls TEXT,
    elsewhere TEXT,
    sweep INTEGER REFERENCES sweeps (id)
);
CREATE INDEX runs_by_status ON runs (status);
CREATE INDEX runs_by_sweep ON runs (sweep) WHERE sweep IS NOT NULL;
CREATE TABLE epochs (
    run INTEGER NOT NULL REFERENCES runs (id),
    epoch INTEGER NOT NULL,
    lr REAL NOT NULL,
    lr_last REAL NOT NULL,
    metrics TEXT NOT NULL,
    seconds REAL NOT NULL,
    decision TEXT,
    PRIMARY KEY (run, epoch)
) WITHOUT ROWID;
CREATE TABLE traces (
    run INTEGER NOT NULL REFERENCES runs (id),
    epoch INTEGER NOT NULL,
    trace TEXT NOT NULL,
    PRIMARY KEY (run, epoch)
);
CREATE TABLE best (
    run INTEGER NOT NULL REFERENCES runs (id),
    metric TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    cost REAL NOT NULL,
    PRIMARY KEY (run, metric)
) WITHOUT ROWID;
CREATE TABLE commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (id),
    at REAL NOT NULL,
    name TEXT NOT NULL,
    value REAL
);
CREATE INDEX commands_by_run ON commands (run, id);
CREATE TABLE interventions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (id),
    at REAL NOT NULL,
    epoch INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    name TEXT NOT NULL,
    value REAL,
    lr_before REAL NOT NULL,
    lr_after REAL NOT NULL,
    sentence TEXT NOT NULL
);
CREATE INDEX interventions_by_run ON interventions (run, id);
CREATE TABLE shared (
    run INTEGER NOT NULL REFERENCES runs (id),
    epoch INTEGER NOT NULL,
    decision TEXT NOT NULL,
    PRIMARY KEY (run, epoch)
) WITHOUT ROWID;
CREATE TABLE sweeps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created REAL NOT NULL,
    name TEXT,
    kind TEXT NOT NULL,
    config TEXT NOT NULL,
    config_version INTEGER NOT NULL,
    plan TEXT NOT NULL,
    workers INTEGER NOT NULL,
    status TEXT NOT NULL,
    asked TEXT,
    reason TEXT,
    answer TEXT,
    owner TEXT,
    began REAL,
    ended REAL
);
CREATE TABLE spools (
    id TEXT PRIMARY KEY,
    run INTEGER NOT NULL,
    offset INTEGER NOT NULL
) WITHOUT ROWID;
"""

# Metrics, decision, trace, tags, controls, elsewhere, plan and answer are JSON. `best` has the best
# epoch by each metric, so that it is found at once in a run of any length; its cost is the metric,
# or minus it where it rises. Traces lie apart, so that reading epochs reads none of them, and by
# rowid, since SQLite keeps large rows poorly without. A spool's offset is the byte up to which it
# was taken in. `shared` has the decisions of a cell's own schedule on the epochs that another cell
# of its sweep trained; those epochs are kept once, with that cell.
EPOCH_COLUMNS = tuple(field.name for field in fields(Epoch))
