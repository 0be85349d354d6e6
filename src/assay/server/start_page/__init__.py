"""The start page: experiments, runs and what a run recorded, rendered by the server.

It works without JavaScript; a small script adds sorting and filtering. All text of users passes
through ``html.element``, which escapes it, and the content security policy allows no script but
ours.
"""

from __future__ import annotations

from assay.server.start_page.pages import start_page_routes

__all__ = ["start_page_routes"]
