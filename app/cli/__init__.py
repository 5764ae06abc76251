"""The `lrscope` command, a module a group of commands."""
