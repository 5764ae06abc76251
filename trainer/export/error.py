"""The error of an export."""


class ExportError(Exception):
    """A run cannot be exported in a form; the message is one sentence for the user."""
