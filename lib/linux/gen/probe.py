# SPDX-License-Identifier: MIT
"""What a tree has, found by looking at its files and never at its version.

Each row of FEATURES is a macro for glue/, the file that is looked at, and what must be
in it.  Space in the file counts as one blank, so that a prototype may be on many lines.
"""
import re
from pathlib import Path

INCLUDE = 'arch/arm64/include/asm/'
KVM = 'arch/arm64/kvm/'

FEATURES = [
    ('TREE_WALK_FLAGS', INCLUDE + 'kvm_pgtable.h', r'KVM_PGTABLE_WALK_HANDLE_FAULT'),
    ('TREE_MAP_FLAGS', INCLUDE + 'kvm_pgtable.h',
     r'kvm_pgtable_stage2_map\([^)]*void \*mc, enum kvm_pgtable_walk_flags'),
    ('TREE_RELAX_FLAGS', INCLUDE + 'kvm_pgtable.h',
     r'kvm_pgtable_stage2_relax_perms\([^)]*kvm_pgtable_walk_flags'),
    ('TREE_MKYOUNG_FLAGS', INCLUDE + 'kvm_pgtable.h',
     r'kvm_pgtable_stage2_mkyoung\([^)]*kvm_pgtable_walk_flags'),
    ('TREE_TEST_CLEAR_YOUNG', INCLUDE + 'kvm_pgtable.h', r'kvm_pgtable_stage2_test_clear_young\('),
    ('TREE_SPLIT', INCLUDE + 'kvm_pgtable.h', r'kvm_pgtable_stage2_split\('),
    ('TREE_FREES_UNLINKED', INCLUDE + 'kvm_pgtable.h', r'\(\*free_unlinked_table\)'),
    ('TREE_FLUSH_RANGE', INCLUDE + 'kvm_pgtable.h', r'void kvm_tlb_flush_vmid_range\('),
    ('TREE_DESTROY_IN_RANGES', INCLUDE + 'kvm_pgtable.h', r'kvm_pgtable_stage2_destroy_range\('),
    ('TREE_READS_ONCE', KVM + 'hyp/pgtable.c', r'READ_ONCE\(\*ptep\)'),
    ('TREE_VTCR_IN_MMU', INCLUDE + 'kvm_host.h', r'struct kvm_s2_mmu \{[^}]* u64 vtcr;'),
    ('TREE_CPU_HWCAPS', INCLUDE + 'cpufeature.h', r'\bcpu_hwcaps\b'),
    ('TREE_HOST_MMU', KVM + 'hyp/include/nvhe/mem_protect.h', r'\bhost_mmu\b'),
    ('TREE_FLUSH_ASKS_VCPU', KVM + 'hyp/vhe/tlb.c', r'kvm_get_running_vcpu'),
    ('TREE_LOADS_STAGE2', KVM + 'hyp/vhe/switch.c',
     r'void kvm_vcpu_load_vhe\([^{]*\{[^}]*__load_stage2'),
    ('TREE_KVM_INIT_OPAQUE', 'include/linux/kvm_host.h', r'int kvm_init\(void \*opaque'),
    ('TREE_CHANGE_PTE', 'include/linux/mmu_notifier.h', r'\(\*change_pte\)'),
    ('TREE_CACHE_ARGS', 'include/linux/slab.h', r'__kmem_cache_create_args\('),
]

# Without these there is nothing to compile, or nothing to generate headers with.
NEEDED = [
    KVM + 'hyp/pgtable.c', KVM + 'hyp/vhe/tlb.c', KVM + 'hyp/nvhe/tlb.c',
    INCLUDE + 'kvm_pgtable.h', INCLUDE + 'tlbflush.h',
    'arch/arm64/tools/gen-cpucaps.awk', 'arch/arm64/tools/cpucaps',
    'arch/arm64/tools/gen-sysreg.awk', 'arch/arm64/tools/sysreg',
    'arch/arm64/Kconfig', KVM + 'Kconfig', 'virt/kvm/Kconfig', 'kernel/time/timeconst.bc',
    'include/linux/kvm_host.h',
]

# What stage 2 is made of besides: KVM's files, and those of the kernel's lib/ that they stand on.
VM = [KVM + name for name in ('mmu.c', 'arm.c', 'vmid.c', 'reset.c')] + ['virt/kvm/kvm_main.c']
LIBRARY = [f'lib/{name}.c' for name in ('rbtree', 'interval_tree', 'find_bit', 'bitmap', 'hweight',
                                        'xarray')]

# All that is looked at or compiled of a tree: what has to be unpacked, or copied, of it.
# A star stands for names without a slash.
PARTS = [
    'Makefile', 'include', 'virt/kvm', 'kernel/time/timeconst.bc',
    'arch/arm64/Kconfig', 'arch/arm64/include', 'arch/arm64/kvm', 'arch/arm64/tools',
    *LIBRARY, 'lib/*.h',
]

# What lies below the stages, and what is built of them (stage 3: README.md).
STAGES = [
    (1, 'page tables and flush calls', NEEDED),
    (2, 'the VM', NEEDED + VM + LIBRARY),
    (3, "the vGIC's SGI path", NEEDED + [KVM + 'vgic/vgic.c', KVM + 'vgic/vgic-mmio-v3.c']),
]
BUILT = 2


class Unusable(Exception):
    """Why a tree cannot be used, in a sentence."""


def flat(path):
    return re.sub(r'\s+', ' ', path.read_text(encoding='utf-8', errors='replace'))


def missing(tree, files):
    return [name for name in files if not (tree / name).exists()]


def check(tree):
    """Raises Unusable with the reason."""
    if not tree.is_dir():
        raise Unusable(f'{tree}: no such folder')
    if not (tree / 'arch/arm64').is_dir():
        raise Unusable(f'{tree}: not a kernel tree')
    gone = missing(tree, NEEDED)
    if gone:
        raise Unusable(f'{tree}: no {gone[0]}' + (f' and {len(gone) - 1} more' if gone[1:] else ''))


def features(tree):
    """Macro by macro, whether the tree has it."""
    texts = {}
    found = {}
    for macro, name, pattern in FEATURES:
        path = tree / name
        if name not in texts:
            texts[name] = flat(path) if path.exists() else ''
        found[macro] = bool(re.search(pattern, texts[name]))
    return found


def stages(tree, troubles=None):
    """Lines of text: each stage, and whether it is had, with the reason.  @troubles: what
    stands against one by its number, found by compiling."""
    lines = []
    for number, what, files in STAGES:
        gone = missing(tree, files)
        if gone:
            why = f'no: the tree has no {gone[0]}'
        elif troubles and number in troubles:
            why = f'no: {troubles[number]}'
        elif number > BUILT:
            why = 'no: the tree has its files, stage2sim cannot run them yet'
        else:
            why = 'yes'
        lines.append(f'stage {number}, {what}: {why}')
    return lines


def version(tree):
    """The tree's own name for itself, for people; nothing is decided by it."""
    try:
        text = (tree / 'Makefile').read_text(encoding='utf-8')
    except OSError:
        return 'unknown version'
    parts = [re.search(rf'^{key} *= *(\S*)', text, re.M)
             for key in ('VERSION', 'PATCHLEVEL', 'SUBLEVEL')]
    return '.'.join(p.group(1) for p in parts if p and p.group(1)) or 'unknown version'


def header(tree):
    """The text of tree_probe.h."""
    lines = ['/* Generated by gen/tree: what the tree has. */']
    lines += [f'#define {macro} 1' for macro, has in features(tree).items() if has]
    return '\n'.join(lines) + '\n'


def as_tree(text):
    return Path(text).expanduser().resolve()
