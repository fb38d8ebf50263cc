# SPDX-License-Identifier: MIT
# Compiled from the public headers by generate.py: what it has is what they declare.
from typing import Any

ffi: Any
lib: Any
