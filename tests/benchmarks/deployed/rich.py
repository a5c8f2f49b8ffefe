"""Stands where a library would be that only comes with the linters: a deployment has none.

structlog takes it where it finds it, which is four megabytes in every process.
"""

raise ImportError("A deployment does not have it.")
