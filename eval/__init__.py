"""The harness: what a memory layer forgets, measured without a judge. Uses only the public `vctx`.

locomo      the task: conversations and questions
evidence    the metric: share of gold evidence within a token budget
intervals   95 % intervals, by bootstrap or Wilson's score
report      results as a table or as JSON
"""
