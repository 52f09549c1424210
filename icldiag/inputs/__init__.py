"""The one boundary for what comes from outside: files are opened and parsed here, and nowhere else.

`files` opens only what is a regular file of a bearable size. The parsers check nesting, numbers, aliases and characters
before they build anything; what they return is plain: dict with text keys, list, str, int, float, bool, None. Whatever
is wrong becomes one InputError, of the kind that the caller names, with file, line and cure.
"""
