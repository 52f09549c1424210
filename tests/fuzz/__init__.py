"""Readers of everything that comes from outside, fed with broken inputs: see `python -m tests.fuzz --help`.

Every input gives a value, or an IcldiagError of one short sentence. Whatever else happens is a fault.
"""
