"""The `lrscope` command, with one module per group of commands."""
