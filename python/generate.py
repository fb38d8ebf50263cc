#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""generate.py OUTPUT HEADER INCLUDE-DIR -- COMPILER...: the Python module's C source.

Everything is taken from the headers: the preprocessor's output, less what came
from elsewhere, less bodies of inline functions, is what cffi is told; object-like
macros are constants, if they are integers.  The texts of errors are the @return
lines of the docstrings.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

import cffi

MODULE = 'stage2sim._native'
MARKER = re.compile(r'^# \d+ "([^"]*)"')
MACRO = re.compile(r'^#define (S2_\w+) (\S.*)$')
# What an attribute or a linkage would be is nothing to cffi.
NOT_CONSTANT = {'S2_API', 'S2_BEGIN_DECLS', 'S2_END_DECLS'}
INLINE = re.compile(r'static inline ([^{};]*)\{')
DOC_THEN_FUNCTION = re.compile(
    r'/\*\*((?:[^*]|\*(?!/))*)\*/\s*((?:S2_API\s[^;{]*?)\b(s2_\w+)\(|)', re.S)


def preprocess(compiler, header, include_dir):
    command = [*compiler, '-E', '-dD', '-D__attribute__(x)=', f'-I{include_dir}',
               f'-I{header.parent}', '-x', 'c', str(header)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def own_lines(text, ours):
    """Lines of our own headers only."""
    keep = False
    for line in text.splitlines():
        marker = MARKER.match(line)
        if marker:
            keep = any(marker[1].startswith(prefix) for prefix in ours)
        elif keep:
            yield line


def without_bodies(code):
    """Inline functions become declarations."""
    out = []
    at = 0
    for match in INLINE.finditer(code):
        if match.start() < at:
            continue
        out += [code[at:match.start()], match[1].strip(), ';']
        depth, at = 1, match.end()
        while depth:
            depth += {'{': 1, '}': -1}.get(code[at], 0)
            at += 1
    return ''.join(out) + code[at:]


def is_integer(value, known):
    """Is the macro's text made of integers, operators, casts by suffix, and other such macros?"""
    words = re.findall(r'[A-Za-z_]\w*', re.sub(r'\b(?:0x[0-9a-fA-F]+|\d+)[uUlL]*', '0', value))
    return all(word in known or re.fullmatch(r'U?INT\d+_(C|MAX)|S2_BITS?', word) for word in words)


def declarations(lines):
    """What cffi is told: declarations, and a "#define NAME ..." for each constant."""
    code, constants = [], {}
    enumerators = set()
    for line in lines:
        macro = MACRO.match(line)
        if macro and macro[1] not in NOT_CONSTANT:
            constants[macro[1]] = macro[2]
        elif not line.startswith('#'):
            code.append(line)
    text = without_bodies('\n'.join(code))
    for body in re.findall(r'\benum \w* *\{([^}]*)\}', text):
        enumerators |= set(re.findall(r'\b(S2_\w+)', body))
    known = enumerators | set(constants)
    text += ''.join(f'\n#define {name} ...' for name, value in constants.items()
                    if is_integer(value, known))
    return text + '\n'


def clauses(doc):
    """{'EINVAL': 'if loaded'}: what a docstring says after @return of each error."""
    doc = re.sub(r'\s+', ' ', re.sub(r'\n\s*\*', ' ', doc))
    match = re.search(r'@return(.*?)(?=@param|$)', doc, re.S)
    found = {}
    for clause in re.split(r';|\. (?=[A-Z])', match[1] if match else ''):
        for error, words in re.findall(r'-(E[A-Z0-9]+)\b(.*?)(?=-E[A-Z0-9]+\b|$)', clause):
            words = re.sub(r'@p ', '', words).strip(' .,:')
            words = re.sub(r'(,| or|,? and)$', '', words)
            if words:
                found[error] = f'{found[error]}; {words}' if error in found else words
    return found


def error_texts(headers):
    texts = {}
    for header in headers:
        for doc, _, name in DOC_THEN_FUNCTION.findall(header.read_text()):
            if name:
                texts.setdefault(name, clauses(doc))
    return {name: texts[name] for name in sorted(texts) if texts[name]}


def main():
    split = sys.argv.index('--')
    output, header, include_dir = (Path(word) for word in sys.argv[1:split])
    compiler = sys.argv[split + 1:]
    public = sorted((include_dir / 'stage2sim').glob('*.h'))
    lines = own_lines(preprocess(compiler, header, include_dir),
                      [f'{include_dir}/stage2sim/', str(header)])
    ffi = cffi.FFI()
    ffi.cdef(declarations(lines))
    ffi.set_source(MODULE, f'#include "{header.name}"\n')
    ffi.emit_c_code(str(output))
    output.with_name('_errors.json').write_text(
        json.dumps(error_texts([*public, header]), indent=1) + '\n')


if __name__ == '__main__':
    main()
