"""The policy laboratory: what paging decisions cost, on recorded and made reference strings.

trace synthetic      a reference string: its events and its file; made ones of known locality
chats record         whole chats through a real session; a session's journal as a trace
simulate costs       a policy on a trace, as a session decides; what its prompts cost
beside               without paging: a sliding window, one ranked anew each turn, everything
told                 `priced` with a perfect forecast of what will be used
calls optimum        the least that anybody could pay, who knew what will be asked: exact, or a bound
schedules program    every schedule of a problem as a linear program
hindsight            the least from the window that a policy had before a sitting
curves               miss ratios and working sets of a trace
laboratory pictures  all policies on all traces, paired with intervals; what that looks like
"""
