"""``avatar-bridge report``: a recording or a trace as one page with plots, to look at and to attach to a bug report.

``take`` reads the file, ``figures`` and ``events`` make the numbers, ``curves`` the plots' points, ``page`` the HTML around
``web/``. The page needs nothing but itself, and says nothing of whoever made it: no picture, no path of theirs, no secret.
"""

from __future__ import annotations

from bridge.report.page import write_report

__all__ = ["write_report"]
