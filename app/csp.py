"""What a page may load: hashes for its Content-Security-Policy."""

import base64
import hashlib


def csp_hash(text: str) -> str:
    """The hash of an inline script or style, as a Content-Security-Policy names it."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
