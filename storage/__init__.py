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

folder    a folder of sessions: names, whose each is, the catalogue
shelf     the sessions of one user, read as if they were one, with an index across them
"""

from vctx.storage.check import Report
from vctx.storage.disk import SqliteDisk
from vctx.storage.folder import Folder
from vctx.storage.shelf import Shelf

__all__ = ["Folder", "Report", "Shelf", "SqliteDisk"]
