# SPDX-License-Identifier: MIT
"""Makes in a build folder the headers that a kernel build would generate.

From the tree's own scripts and lists, as its Makefiles do; nothing goes into the tree.
"""
import re
import subprocess

from probe import Unusable, header

ARM64 = 'arch/arm64/'
HERE_CONFIG = 'config'


def write(path, text):
    """Writes only what has changed, so that nothing is compiled for nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding='utf-8') != text:
        path.write_text(text, encoding='utf-8')


def run(*command, stdin=''):
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
    except FileNotFoundError as error:
        raise Unusable(f'{command[0]} is not installed, and the tree generates headers with it') \
            from error
    if done.returncode:
        raise Unusable(f'{" ".join(map(str, command))}: {done.stderr.strip()[:300]}')
    return done.stdout


def awk(tree, script, data):
    tools = tree / ARM64 / 'tools'
    return run('awk', '-f', tools / script, tools / data)


def wrappers(tree, out, asm, kbuilds, generic):
    """asm/x.h for each header that the architecture leaves to asm-generic."""
    for kbuild in kbuilds:
        path = tree / kbuild / 'Kbuild'
        if not path.exists():
            continue
        for name in re.findall(r'^(?:generic|mandatory)-y\s*\+=\s*(\S+)',
                               path.read_text(encoding='utf-8'), re.M):
            if not (tree / asm / name).exists() and (tree / generic / name).exists():
                write(out / name, f'#include <asm-generic/{name}>\n')


def selects(kconfig, symbol):
    """What config @symbol selects without a condition."""
    found, on = [], False
    if not kconfig.exists():
        return found
    for line in kconfig.read_text(encoding='utf-8').splitlines():
        start = re.match(r'(?:menu)?config\s+(\w+)', line)
        if start:
            on = start.group(1) == symbol
        chosen = re.fullmatch(r'\s+select\s+(\w+)\s*', line)
        if on and chosen:
            found.append(chosen.group(1))
    return found


def autoconf(tree, config):
    """The text of autoconf.h: our list, and what Kconfig adds to it."""
    values = {}
    for line in config.read_text(encoding='utf-8').splitlines():
        line = line.split('#')[0].strip()
        if line:
            name, _, value = line.partition('=')
            values[name] = value or '1'
    kvm = selects(tree / ARM64 / 'kvm/Kconfig', 'KVM')
    common = tree / 'virt/kvm/Kconfig'
    chosen = selects(tree / ARM64 / 'Kconfig', 'ARM64') + kvm + selects(common, 'KVM_COMMON')
    for symbol in kvm:
        chosen += selects(common, symbol)
    for symbol in chosen:
        values.setdefault(symbol, '1')
    values.pop('MODULES', None)
    return ''.join(f'#define CONFIG_{name} {value}\n' for name, value in values.items())


def without(text, macros, where):
    """@text without the definitions of @macros, each of which must be there."""
    for macro in macros:
        text, n = re.subn(rf'^#[ \t]*define[ \t]+{macro}\b(?:.*\\\n)*.*\n', '', text, flags=re.M)
        if not n:
            raise Unusable(f'{where} has no macro {macro}: the overlay must learn how it issues TLBIs')
    return text


def tlbflush(tree):
    """tlbflush.h, the lowest two macros being ours: its own functions use them at once."""
    name = ARM64 + 'include/asm/tlbflush.h'
    text = (tree / name).read_text(encoding='utf-8')
    return ('#define __TLBI_0(op, arg) s2k_tlbi_##op()\n'
            '#define __TLBI_1(op, arg) s2k_tlbi_##op(arg)\n' +
            without(text, ['__TLBI_0', '__TLBI_1'], name))


def generate(tree, out, config):
    """All of it, into @out."""
    asm = ARM64 + 'include/asm'
    caps = 'cpucap-defs.h' if (tree / asm / 'cpucaps.h').exists() else 'cpucaps.h'
    write(out / 'asm' / caps, awk(tree, 'gen-cpucaps.awk', 'cpucaps'))
    write(out / 'asm/sysreg-defs.h', awk(tree, 'gen-sysreg.awk', 'sysreg'))
    write(out / 'asm/tlbflush.h', tlbflush(tree))
    for bits in (32, 64):
        write(out / f'asm/unistd_{bits}.h',
              '#define __NR_syscalls 512\n#define __NR_compat_syscalls 512\n')
    wrappers(tree, out / 'asm', asm, [asm, 'include/asm-generic'], 'include/asm-generic')
    uapi = ARM64 + 'include/uapi/asm'
    wrappers(tree, out / 'uapi/asm', uapi, [uapi, 'include/uapi/asm-generic'],
             'include/uapi/asm-generic')
    write(out / 'generated/timeconst.h', run('bc', '-q', tree / 'kernel/time/timeconst.bc',
                                             stdin='250\n'))
    write(out / 'generated/autoconf.h', autoconf(tree, config))
    write(out / 'tree_probe.h', header(tree))
