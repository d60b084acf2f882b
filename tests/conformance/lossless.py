"""What benches say of formats that carry everything as it is."""

from __future__ import annotations

from bridge import arkit


class Lossless:
    """What benches say of formats that carry everything as it is."""

    carries = frozenset(arkit.NAMES)
    carries_head = True
    weight_error = 1e-4
    head_error_deg = 1e-3
    tells_absence = True
    met_while_sending = False
