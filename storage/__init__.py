"""The disk: one session is one SQLite file that holds everything; FAISS stands in RAM only.

disk      SqliteDisk, the one door (implements vctx.ports.Disk)
├── file      the session's file, open: transactions, statements, checkpoints
│   ├── lock        the write lock: fair, bounded, goes with the process
│   ├── connection  how a connection is made
│   ├── schema      numbered migrations; copies before them
│   └── trouble     SQLite's errors in our words
├── pages, journal, spans, words, branches, meta, counts    the tables, one file each
│   └── codec       rows <-> dataclasses, checksums
├── forget    rows, what quotes them (quotes), and then the bytes
├── check     what is true against its checksums, what is derived against what is true
├── dump      export and import as JSON Lines
├── copies    backup while in use; a whole session deleted
├── dense     search by meaning: the index, caught up with the file
│   ├── index     FAISS over the spans, in RAM
│   └── cache     the index in a file beside the session, which may vanish at any time
└── union     what was found by meaning and what was found by words, as hits
"""

from vctx.storage.check import Report
from vctx.storage.disk import SqliteDisk

__all__ = ["Report", "SqliteDisk"]
