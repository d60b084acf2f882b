"""The mailbox against a model of it, over any sequence of calls."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.mailbox import Mailbox


class MailboxMachine(RuleBasedStateMachine):
    """One slot, one flag, one counter."""

    def __init__(self) -> None:
        super().__init__()
        self.mailbox: Mailbox[int] = Mailbox()
        self.slot: list[int] = []
        self.offered = 0
        self.taken = 0
        self.closed = False

    @rule(value=st.integers())
    def offer(self, value: int) -> None:
        """Newest wins, unless closed."""
        self.mailbox.offer(value)
        if not self.closed:
            self.slot = [value]
            self.offered += 1

    @rule()
    def take(self) -> None:
        """What is in the slot, once."""
        expected = self.slot.pop() if self.slot else None
        self.taken += expected is not None

        assert self.mailbox.take(0) == expected

    @rule()
    def nudge(self) -> None:
        """Changes no value."""
        self.mailbox.nudge()

    @rule()
    def close(self) -> None:
        """Ends the offers; may be repeated."""
        self.mailbox.close()
        self.closed = True

    @invariant()
    def closed_is_told(self) -> None:
        """The flag is the model's."""
        assert self.mailbox.closed == self.closed

    @invariant()
    def every_offer_is_accounted_for(self) -> None:
        """Offered = taken + replaced + still there."""
        assert self.offered == self.taken + self.mailbox.replaced + len(self.slot)


TestMailbox = MailboxMachine.TestCase
