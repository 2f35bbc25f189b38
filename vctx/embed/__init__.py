"""The embedding core: a sentence-transformers folder in, unit vectors out.

    load.py       a name or a path -> an Embedder, looked for in four places
    hub.py        the last two of them: the local Hugging Face cache, the hub
    folder.py     what the folder's JSON files say (no weights, no torch)
    tokens.py     text -> token ids, counts and spans (`tokenizers`, no torch)
    split.py      where a long text is cut
    pack.py       token lengths -> batches without padding
    native.py     the Embedder for BERT encoders: tokens.py, pack.py and bert.py joined
    bert.py       the encoder over packed batches (torch; imported by the first `embed`)
    block.py      one layer of it: attention and feed-forward
    linear.py     the linear layers, prepacked for the CPU or plain
    foreign.py    every other architecture, through sentence-transformers itself
    threads.py    how many threads torch may take

Importing this package, loading a model and cutting text import neither torch nor transformers.
"""

from vctx.embed.load import DEFAULT, load

__all__ = ["DEFAULT", "load"]
