"""The verbs of a policy simulation: what scenarios may use of it, and how a user's glue provides each.

Standard library only.
"""

from __future__ import annotations

#: What a class has to define for a verb to be there. All are methods of ``PolicySimulation``.
METHODS = {
    "start": "define start(self, robot, policy, seconds)",
    "stop": "define stop(self, robot), which returns when the policy's worker is gone",
    "running": "define running(self), the robots on which a policy runs",
    "mutations": "define mutations(self), the scene's verbs by name, each called with (rng)",
    "close": "define close(self), which returns when every worker is gone",
    "run": "define run(self, robot, policy, seconds), which blocks its caller",
    "robot_mutations": "define robot_mutations(self), a robot's verbs by name, each called with (rng, robot)",
    "version": "define version(self), what no mutation may change while a policy runs",
    "observe": "define observe(self, robot)",
    "add": "define add(self, robot) and remove(self, robot), and make robots a property",
    "remove": "define add(self, robot) and remove(self, robot), and make robots a property",
    "reload": "define reload(self), which ends all policies and loads the scene anew",
}

#: What an engine may promise beyond, by naming it in ``keeps``.
KEEPS = {
    "effects": 'if every accepted mutation changes version(), say so: keeps = ("effects",)',
    "future": 'if start returns a Future that is done once mutations pass again: keeps = ("future",)',
    "timeout": 'if stop, remove and close take timeout=, and return False after it: keeps = ("timeout",)',
    "reentrant": 'if a policy may close its own engine, which then returns False: keeps = ("reentrant",)',
}

#: A property of the target, and what only the built-in simulation can say or do.
OTHERS = {
    "second_robot": "name a second robot in robots",
    "run_numbers": "this scenario needs to know which run a stop has ended; soak's own simulation tells",
    "renderers": "this scenario renders soak's own simulation; env_render renders yours",
}

ALL = {**METHODS, **KEEPS, **OTHERS}
