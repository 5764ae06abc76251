"""How a run stands: statements that its charts bear out, each with what to do. torch-free."""
