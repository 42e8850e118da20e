"""For testers and scripts: the bank over HTTPS, keys in memory or in a file, links to the software token.

Not for real money.
"""

from .bank import HttpsBank
from .keystore import FileKeystore, MemoryKeystore
from .links import Air, Reader
from .plug import Plug
from .symbol import read_code

__all__ = ["Air", "FileKeystore", "HttpsBank", "MemoryKeystore", "Plug", "Reader", "read_code"]
