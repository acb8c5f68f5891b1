"""How time and memory should grow, from the work itself; drawn beside what is measured.

A step of a perceptron of L equal layers of n units on B rows is 3 L products of 2 B n² operations
and some calls a layer that take as long at any n. A logged step does the same on more rows.

- time: as L, as the number of steps, as that of seeds. Logged steps are powers of two and ends
  of epochs: where they take much of the time, it grows slower. In n as n² where products are all of
  it; while calls count too, the slope is twice the products' share of the time. That share is not
  assumed: the line is n² through the largest width.
- memory: weights, their gradients and what the update compares hold L n² numbers, activations and
  error signals of the B rows of the probe L n B. As L in depth; in width the slope is
  (2 c n + B') / (c n + B'), between 1 and 2, with c copies of the weights and B' rows in all that
  is kept: 2 is the limit. Steps and seeds add rows to a table: 0 as long as these are few, and
  towards 1 once they outgrow the network.
- planning: each run is looked at once, and kept: 1 and 1.
"""

# axis: exponents of time and memory
EXPONENTS = {
    "depth": (1, 1),
    "width": (2, 2),
    "steps": (1, 0),
    "seeds": (1, 0),
    "planned runs": (1, 1),
}
