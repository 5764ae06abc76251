"""`lrscope.runs`: what scripts and notebooks do with recorded runs. torch-free."""
