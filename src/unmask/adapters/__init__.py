"""Decisions in the shapes of other libraries, one module a library, which is imported when it is needed."""
