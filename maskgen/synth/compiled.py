"""What the compiler may assume in the kernels of this package."""

from __future__ import annotations

#: Finite numbers and no care for the sign of zero, which lets loops with minima become vector instructions.
#: Nothing that changes a sum's order or a quotient: a kernel called by another is compiled once for each of
#: them, and which of the copies runs depends on what a cache held. With these, all give the same bits.
FINITE = {"nnan", "ninf", "nsz"}
