"""A run in the forms that people carry away. torch-free."""
