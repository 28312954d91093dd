"""The library beside the notebooks: one module for each section of the lecture notes."""
