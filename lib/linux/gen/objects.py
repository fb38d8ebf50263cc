# SPDX-License-Identifier: MIT
"""Compiles the tree's files with the overlay, and makes one object of them.

    pgtable.c  vhe/tlb.c  nvhe/tlb.c  glue/stage2.c  --cc-->  objects
    mmu.c  arm.c  kvm_main.c ...      glue/vm.c ...  --cc-->  more, of stage 2
    objects --ld -r, stubs for what nobody defines, all names local but tree_...-->  tree.o

No name of the kernel is seen outside of tree.o, so that it shares none with libc.
"""
import platform
import re
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import probe
from probe import Unusable

ROOM = Path(__file__).resolve().parent.parent
HYP = 'arch/arm64/kvm/hyp/'
# What the compiler calls by itself, and libc has as the kernel means it.
FROM_LIBC = {'memcpy', 'memmove', 'memset', 'memcmp', 'strlen'}
# Ours, the linker's, and what counts lines under --coverage.
NOT_THE_TREES = ('s2k_', '__start_s2k_', '__stop_s2k_', '_GLOBAL_OFFSET_TABLE_', '__gcov_')
EL2_PREFIX = '__kvm_nvhe_'
# What glue/nothing.c has in place of the tree's: boot and EL2's own mappings.
STOOD_FOR = ['kvm_arch_init', 'kvm_share_hyp', 'kvm_unshare_hyp']
# A table page begins to live where mmu.c takes it from its cache.
# Flush calls are told of by glue/flush_calls.c, which then makes them.
FLUSHES = [f'__kvm_tlb_flush_vmid{which}' for which in ('', '_ipa', '_ipa_nsh', '_range')]
RENAMED = {
    'mmu': [('kvm_mmu_memory_cache_alloc', 'tree_table_from_cache')],
    'vhe-tlb': [(name, f'tree_real_{name}') for name in FLUSHES],
    'nvhe-tlb': [(f'{EL2_PREFIX}{name}', f'tree_real_el2_{name}') for name in FLUSHES],
}
# Variables of the tree and of glue/, which each machine has its own of (machine/image.c).
VARIABLES, PER_CPU = 's2k_data', 's2k_percpu'
# For modules, of which there are none.
NOT_LINKED = ['.export_symbol', '.rela.export_symbol', '___ksymtab*', '.rela___ksymtab*']


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
        tree / HYP / 'include', ROOM / 'glue', tree / 'arch/arm64/kvm', tree / 'virt/kvm')]
    for header in (ROOM / 'overlay/s2k.h', tree / 'include/linux/kconfig.h',
                   tree / 'include/linux/compiler_types.h'):
        flags += ['-include', str(header)]
    return [*cc, *flags]


def sources(tree, stage=1, generated=None):
    """Name, file and flags of each object of @stage."""
    flags = [f'-DTREE_STAGE={stage}']
    rows = [
        ('pgtable', tree / HYP / 'pgtable.c', []),
        ('vhe-tlb', tree / HYP / 'vhe/tlb.c', ['-D__KVM_VHE_HYPERVISOR__']),
        ('nvhe-tlb', tree / HYP / 'nvhe/tlb.c',
         ['-D__KVM_NVHE_HYPERVISOR__', '-D__DISABLE_EXPORTS']),
        ('stage2', ROOM / 'glue/stage2.c', flags),
        ('rcu', ROOM / 'glue/rcu.c', flags),
        ('flush_calls', ROOM / 'glue/flush_calls.c', flags),
    ]
    if stage < 2:
        return rows + [('no_vm', ROOM / 'glue/no_vm.c', flags)]
    rows += [(Path(name).stem, tree / name, []) for name in (*probe.VM, *probe.LIBRARY)]
    rows += [(name, ROOM / f'glue/{name}.c', flags) for name in ('vm', 'host', 'host_mm', 'nothing')]
    autoconf = (generated / 'generated/autoconf.h').read_text(encoding='utf-8')
    for name, config in (('virt/kvm/dirty_ring.c', 'HAVE_KVM_DIRTY_RING'),
                         ('arch/arm64/kvm/nested.c', 'KVM')):
        if f'CONFIG_{config} ' in autoconf and (tree / name).exists():
            rows.append((Path(name).stem, tree / name, []))
    return rows


def run(args, what):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    if done.returncode:
        raise Unusable(f'{what} failed:\n{done.stderr.strip()}')
    return done.stdout


def check_host():
    if platform.machine() not in ('x86_64', 'amd64'):
        raise Unusable(f'a host of {platform.machine()}: bare instructions of the tree can be '
                       'turned into calls on x86-64 only')


def check_compiles(tree, generated, cc):
    """Whether the file that all else stands on can be compiled: raises Unusable."""
    run([*command(tree, generated, cc), '-fsyntax-only', tree / HYP / 'pgtable.c'], 'pgtable.c')


def trouble_of_vm(tree, generated, cc):
    """Why the tree does not get stage 2, in a line, or None."""
    base = command(tree, generated, cc)

    def check(row):
        try:
            run([*base, *row[2], '-fsyntax-only', row[1]], row[1].name)
        except Unusable as error:
            return first_error(str(error))
        return None

    gone = probe.missing(tree, probe.VM + probe.LIBRARY)
    if gone:
        return f'the tree has no {gone[0]}'
    # nothing.c includes no header of the tree.
    rows = [row for row in sources(tree, 2, generated)
            if row[0] in ('mmu', 'arm', 'kvm_main', 'vm', 'host', 'host_mm')]
    with ThreadPoolExecutor() as pool:
        return next((t for t in pool.map(check, rows) if t), None)


def first_error(text):
    """The compiler's first error, or the first line."""
    lines = text.splitlines()
    return next((line.strip() for line in lines if 'error' in line), lines[0])


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


def set_variables_apart(path):
    """Puts what the tree's code may write to in sections of our names."""
    args = ['--wildcard', *(f'--remove-section={name}' for name in NOT_LINKED)]
    for line in run(['readelf', '-SW', path], 'readelf').splitlines():
        row = re.match(r'\s*\[\s*\d+\]\s+(\.(?:data|bss)\S*)\s.*\s([A-Z]+)\s+\d+\s+\d+\s+\d+$', line)
        if not row or 'W' not in row.group(2) or row.group(1).startswith('.data.rel.ro'):
            continue
        to = PER_CPU if row.group(1).startswith('.data..percpu') else VARIABLES
        args += ['--set-section-flags', f'{row.group(1)}=alloc,load,contents,data',
                 '--rename-section', f'{row.group(1)}={to},alloc,load,contents,data']
    run(['objcopy', *args, path], 'objcopy')


def link(objects, out, cc):
    joined = out.with_suffix('.joined.o')
    run(['ld', '-r', '-o', joined, *objects], 'ld -r')
    source = out.with_suffix('.stubs.c')
    source.write_text(stubs(joined), encoding='utf-8')
    stub = out.with_suffix('.stubs.o')
    run([*cc, '-c', '-O1', '-fPIE', '-fvisibility=hidden', '-w', source, '-o', stub], 'the stubs')
    run(['ld', '-r', '-o', out, joined, stub], 'ld -r')
    asked = {s for s in symbols(out, '--defined-only') if s.startswith(('tree_', 's2k_'))}
    set_variables_apart(out)
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
    ours = source.is_relative_to(ROOM)
    run([*base, *flags, *([] if ours else extra), '-MD', '-MF', made.with_suffix('.d'), '-c', source, '-o', made],
        str(source))
    if name == 'nvhe-tlb':
        prefix_el2(made)
    if not ours:
        rename(name, made)
    return made


def rename(name, made):
    """What is ours in place of the tree's."""
    args = [f'--weaken-symbol={symbol}' for symbol in STOOD_FOR]
    for old, new in RENAMED.get(name, []):
        args += ['--redefine-sym', f'{old}={new}']
    run(['objcopy', *args, made], 'objcopy')


def compile_all(base, rows, work, extra, reuse=None, only=()):
    def make(row):
        made = work / f'{row[0]}.o'
        if not reuse or row[1] in only or not (reuse / made.name).exists():
            return compile_one(base, row, made, extra)
        for end in ('.o', '.d'):
            shutil.copy2((reuse / made.name).with_suffix(end), made.with_suffix(end))
        return made

    with ThreadPoolExecutor() as pool:
        return list(pool.map(make, rows))


def objects_of(out):
    """Where the objects lie that build() makes @out of."""
    return out.parent / (out.stem + '.objects')


def stage_of(out):
    """Which stage build() has made @out of."""
    return int(out.with_suffix('.stage').read_text(encoding='utf-8'))


def build(tree, generated, out, cc, extra=(), reuse=None, only=()):
    """Makes @out (tree.o), and @out.d with what it was made of.  @reuse: a folder with
    objects of the same stage, of which those made of the files @only are made anew."""
    base = command(tree, generated, cc)
    work = objects_of(out)
    work.mkdir(parents=True, exist_ok=True)
    stage = 1 if probe.missing(tree, probe.VM + probe.LIBRARY) else 2
    try:
        made = compile_all(base, sources(tree, stage, generated), work, extra, reuse, only)
    except Unusable:
        if stage == 1:
            raise
        stage = 1
        made = compile_all(base, sources(tree, stage), work, extra)
    link(made, out, cc)
    out.with_suffix('.stage').write_text(f'{stage}\n', encoding='utf-8')
    used = depends([o.with_suffix('.d') for o in made])
    out.with_suffix('.d').write_text(f'{out}: ' + ' \\\n '.join(
        p.replace(' ', '\\ ') for p in used) + '\n', encoding='utf-8')
