"""Runs `kosoku` with patience: its cases give a server a second or half of one, which a busy machine takes."""

from kosoku import cases  # noqa: F401, which finds the module below
from case import Case
from kosoku._cli import main

patience = 20


class PatientProtocol:
    """A case's connection, on which it waits longer before it gives up. Answers end a case at once."""

    def __init__(self, protocol):
        object.__setattr__(self, "_protocol", protocol)

    def __getattr__(self, name):
        return getattr(self._protocol, name)

    def __setattr__(self, name, value):
        setattr(self._protocol, name, value)

    def killAfter(self, seconds):
        self._protocol.killAfter(seconds * patience)

    def closeAfter(self, seconds):
        self._protocol.closeAfter(seconds * patience)


construct = Case.__init__


def construct_patiently(self, protocol):
    construct(self, PatientProtocol(protocol))


Case.__init__ = construct_patiently

if __name__ == "__main__":
    main()
