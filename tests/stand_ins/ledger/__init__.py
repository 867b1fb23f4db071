"""A small service of the tests' own: entries that are changed by commands and told by events."""
