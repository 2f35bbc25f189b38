"""English words too common to tell one page from another.

FTS5 walks the whole list of a term's pages, so such a word costs most and ranks least. The pieces that
an apostrophe leaves behind (`don't` is `don` and `t`) are here, too.
"""

_WORDS = """
a about after again all also am an and any are as at be because been before being between both but by
can could d did didn do does doesn doing don down during each few for from further had has have having
he her here hers him his how i if in into is isn it its just ll m me more most my no nor not now o of
off on once only or other our out over own re s same she should so some such t than that the their them
then there these they this those through to too under until up ve very was wasn we were what when where
which while who whom whose why will with won would you your yours
"""

STOPWORDS = frozenset(_WORDS.split())
