"""The embedding core: a sentence-transformers folder in, unit vectors out.

    load.py       a name or a path -> an Embedder, looked for in four places
    hub.py        the last two of them: the local Hugging Face cache, the hub
    folder.py     what the folder's JSON files say (no weights, no torch)
    tokens.py     text -> token ids, counts and spans (`tokenizers`, no torch)
    split.py      where a long text is cut
    stream.py     texts in blocks, the next one tokenised meanwhile
    pack.py       token lengths -> batches without padding
    native.py     the Embedder for BERT encoders: tokens.py, stream.py and an encoder joined
    light.py      the encoder in numpy, for a few texts: no torch
    weights.py    the weights as numpy arrays, mapped
    bert.py       the encoder in torch, over packed batches
    block.py      one layer of it: attention and feed-forward
    attend.py     attention and pooling: what knows the texts of a packed batch apart
    slots.py      the same in bfloat16 on a CPU
    varlen.py     the same in bfloat16 on CUDA
    graph.py      batches on CUDA in few sizes, recorded
    lanes.py      several batches at once on a CPU, a thread each
    linear.py     the linear layers, prepacked for the CPU or plain
    device.py     CPU or CUDA, bfloat16 or float32
    foreign.py    every other architecture, through sentence-transformers itself

Importing this package, loading a model, cutting text and embedding a few import neither torch nor
transformers.
"""

from vctx.embed.load import DEFAULT, load

__all__ = ["DEFAULT", "load"]
