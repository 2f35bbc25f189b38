"""What a sitting would have cost with hindsight: the least from the window that a policy had before it.

The bound of `optimum` may begin each sitting with whatever it will need. Here it begins where the policy did,
with the same frames, of which any may leave while the cache is cold, and with a digest if there was one. So
this is what the policy's own decisions within the sitting cost it, knowing no future. It is no bound of what
a whole trace costs, since another window before a sitting might be cheaper, before it or after.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from vctx.eval.policies.calls import Join, problem
from vctx.eval.policies.optimum import Sitting, least, sampled
from vctx.eval.policies.runs import Run
from vctx.eval.policies.simulate import Simulation
from vctx.eval.policies.trace import Sent, Trace
from vctx.ports import Policy
from vctx.types import Form, Frame, Prices

Standing = tuple[tuple[Frame, ...], int]
"""The frames of a window, and the tokens of what never leaves."""


def hindsight(trace: Trace, policy: Policy, prices: Prices, most: int | None) -> list[Sitting]:
    """Sitting by sitting, for those that `optimum.bounds` takes; a lower bound of the least."""
    parts = sampled(problem(trace, prices), most)
    stood = standing(trace, policy, prices, {start for start, _ in parts})
    found: list[Sitting] = []
    for start, part in parts:
        frames, fixed = stood[start]
        calls = tuple([replace(call, fixed=max(call.fixed, fixed)) for call in part.calls])
        before = [Join(f.page, f.tokens, not f.fault) for f in frames if f.form is Form.FULL]
        found.append(Sitting(start, start + len(calls), least(replace(part, calls=calls), before)))
    return found


def standing(trace: Trace, policy: Policy, prices: Prices, calls: Collection[int]) -> Mapping[int, Standing]:
    """What stood after so many calls, under the policy."""
    setting = trace.setting
    simulation = Simulation(setting, policy, Run(trace.name, policy.name), prices=prices, fits=False)
    found: dict[int, Standing] = {0: ((), setting.fixed)}
    done = 0
    for event in trace.events:
        simulation.feed([event])
        done += isinstance(event, Sent)
        if isinstance(event, Sent) and done in calls:
            found[done] = simulation.frames, simulation.fixed
    return found
