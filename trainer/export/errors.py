"""What is raised where a run cannot be exported. torch-free."""


class ExportError(Exception):
    """A run cannot be exported; the message is one sentence for the user."""
