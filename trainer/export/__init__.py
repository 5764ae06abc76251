"""What leaves LRScope: a run as a script or a notebook in plain PyTorch."""
