"""The disk: one session is one SQLite file that holds everything; FAISS stands in RAM only.

disk      SqliteDisk, the one door (implements vctx.ports.Disk)
├── file      the connection: lock, transactions, statements
│   ├── schema    how a connection is made; numbered migrations
│   └── trouble   SQLite's errors in our words
├── pages, journal, spans, words    the tables, one file each
│   ├── codec     rows <-> dataclasses, checksums
│   └── stopwords
├── index     FAISS over the spans, derived from the file
└── union     what was found by meaning and what was found by words, as hits
"""

from vctx.storage.disk import SqliteDisk

__all__ = ["SqliteDisk"]
