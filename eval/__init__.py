"""The harness: what a memory layer forgets, measured without a judge. Uses only the public `vctx`.

    locomo  chats  docqa  nested_kv  needle  jsonl     tasks: cases of a history and questions (case)
      -> shelf              a case on disk, in pieces that cost tokens
      -> systems/           which pieces would each system place?
      -> placing, metrics/  within a budget; scored (run), a line each (log)
      -> summary            means with intervals
      -> report, page, compare

`measure` puts a run together. A model's answers: answer, judge. What tasks are made of: story, asking, talk,
articles. Training: training, learning, trial, logged, crossed. Policies of the window: policies/.
"""
