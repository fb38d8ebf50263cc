# SPDX-License-Identifier: MIT
"""Compiles the tree's files with the overlay, and makes one object of them.

    pgtable.c  vhe/tlb.c  nvhe/tlb.c  glue/stage2.c  --cc-->  objects
    objects --ld -r, stubs for what nobody defines, all names local but tree_...-->  tree.o

No name of the kernel is seen outside of tree.o, so that it shares none with libc.
"""
import platform
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from probe import Unusable

ROOM = Path(__file__).resolve().parent.parent
HYP = 'arch/arm64/kvm/hyp/'
# What the compiler calls by itself, and libc has as the kernel means it.
FROM_LIBC = {'memcpy', 'memmove', 'memset', 'memcmp', 'strlen'}
# Ours, the linker's, and what counts lines under --coverage.
NOT_THE_TREES = ('s2k_', '_GLOBAL_OFFSET_TABLE_', '__gcov_')
EL2_PREFIX = '__kvm_nvhe_'


def command(tree, generated, cc):
    include = subprocess.run([*cc, '-print-file-name=include'], capture_output=True, text=True,
                             check=True).stdout.strip()
    flags = ['-std=gnu11', '-O2', '-g', '-fPIE', '-fvisibility=hidden', '-mgeneral-regs-only',
             '-mno-red-zone', '-fno-strict-aliasing', '-fno-common', '-fshort-wchar',
             '-funsigned-char', '-fno-asynchronous-unwind-tables', '-nostdinc',
             # What would be compiled into something else than the kernel is.
             '-Werror=implicit-function-declaration', '-Werror=implicit-int',
             '-Werror=int-conversion', '-Werror=incompatible-pointer-types',
             '-Wno-address-of-packed-member',
             '-D__KERNEL__', '-DKBUILD_MODNAME="kvm"', '-DKBUILD_BASENAME="kvm"',
             '-DKBUILD_MODFILE="kvm"', '-isystem', include]
    flags += [f'-I{path}' for path in (
        ROOM / 'overlay', generated, generated / 'uapi', tree / 'arch/arm64/include',
        tree / 'include', tree / 'arch/arm64/include/uapi', tree / 'include/uapi',
        tree / HYP / 'include', ROOM / 'glue')]
    for header in (ROOM / 'overlay/s2k.h', tree / 'include/linux/kconfig.h',
                   tree / 'include/linux/compiler_types.h'):
        flags += ['-include', str(header)]
    return [*cc, *flags]


def sources(tree):
    """Name, file and flags of each object."""
    return [
        ('pgtable', tree / HYP / 'pgtable.c', []),
        ('vhe-tlb', tree / HYP / 'vhe/tlb.c', ['-D__KVM_VHE_HYPERVISOR__']),
        ('nvhe-tlb', tree / HYP / 'nvhe/tlb.c',
         ['-D__KVM_NVHE_HYPERVISOR__', '-D__DISABLE_EXPORTS']),
        ('stage2', ROOM / 'glue/stage2.c', []),
    ]


def run(args, what):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    if done.returncode:
        raise Unusable(f'{what} failed:\n{done.stderr.strip()}')
    return done.stdout


def check_host():
    if platform.machine() not in ('x86_64', 'amd64'):
        raise Unusable(f'a host of {platform.machine()}: bare instructions of the tree can be '
                       'turned into calls on x86-64 only')


def check_compiles(tree, generated, cc, work):
    """Whether the file that all else stands on can be compiled: raises Unusable."""
    del work
    run([*command(tree, generated, cc), '-fsyntax-only', tree / HYP / 'pgtable.c'], 'pgtable.c')


def symbols(path, *flags):
    return {line.split()[-1] for line in run(['nm', *flags, path], 'nm').splitlines() if line}


def prefix_el2(path):
    """Names of EL2's own copies, as the kernel's link has them; ours stay as they are."""
    names = {s for s in symbols(path) if not s.startswith(NOT_THE_TREES) and
             s not in FROM_LIBC and not s.startswith('.')}
    table = path.with_suffix('.redefine')
    table.write_text(''.join(f'{s} {EL2_PREFIX}{s}\n' for s in sorted(names)), encoding='utf-8')
    run(['objcopy', f'--redefine-syms={table}', path], 'objcopy')


def stubs(path):
    """C for what nobody defines: a function that says its name and stops, or zeroed data."""
    relocations = run(['readelf', '-rW', path], 'readelf')
    called = set(re.findall(r'R_X86_64_PLT32\s+\S+\s+(\w+)', relocations))
    lines = ['void s2k_stop(const char *, const char *, int) __attribute__((noreturn));']
    weak = {line.split()[-1] for line in run(['nm', '-u', path], 'nm').splitlines()
            if line.split()[0] in 'wv'}
    for name in sorted(symbols(path, '-u') - FROM_LIBC - weak):
        if name.startswith(NOT_THE_TREES):
            continue
        if name in called:
            lines.append(f'void stub_{name}(void) __asm__("{name}");\n'
                         f'void stub_{name}(void) {{ s2k_stop("not modelled", "{name}", 0); }}')
        else:
            lines.append(f'char data_{name}[4096] __asm__("{name}") __attribute__((aligned(64)));')
    return '\n'.join(lines) + '\n'


def link(objects, out, cc):
    joined = out.with_suffix('.joined.o')
    run(['ld', '-r', '-o', joined, *objects], 'ld -r')
    source = out.with_suffix('.stubs.c')
    source.write_text(stubs(joined), encoding='utf-8')
    stub = out.with_suffix('.stubs.o')
    run([*cc, '-c', '-O1', '-fPIE', '-fvisibility=hidden', '-w', source, '-o', stub], 'the stubs')
    run(['ld', '-r', '-o', out, joined, stub], 'ld -r')
    asked = {s for s in symbols(out, '--defined-only') if s.startswith(('tree_', 's2k_'))}
    keep = out.with_suffix('.keep')
    keep.write_text(''.join(f'{s}\n' for s in sorted(asked)), encoding='utf-8')
    run(['objcopy', f'--keep-global-symbols={keep}', out], 'objcopy')


def depends(files):
    """The prerequisites of the compiler's depfiles."""
    found = set()
    for path in files:
        text = path.read_text(encoding='utf-8').replace('\\\n', ' ')
        found.update(shlex.split(text.split(':', 1)[1]))
    return sorted(found)


def compile_one(base, row, made, extra=()):
    """The object @made of a row of sources()."""
    name, source, flags = row
    ours = [] if source.is_relative_to(ROOM) else list(extra)
    run([*base, *flags, *ours, '-MD', '-MF', made.with_suffix('.d'), '-c', source, '-o', made],
        str(source))
    if name == 'nvhe-tlb':
        prefix_el2(made)
    return made


def objects_of(out):
    """Where the objects lie that build() makes @out of."""
    return out.parent / (out.stem + '.objects')


def build(tree, generated, out, cc, extra=()):
    """Makes @out (tree.o), and @out.d with what it was made of."""
    base = command(tree, generated, cc)
    work = objects_of(out)
    work.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda row: compile_one(base, row, work / f'{row[0]}.o', extra),
                             sources(tree)))
    link(made, out, cc)
    used = depends([o.with_suffix('.d') for o in made])
    out.with_suffix('.d').write_text(f'{out}: ' + ' \\\n '.join(
        p.replace(' ', '\\ ') for p in used) + '\n', encoding='utf-8')
