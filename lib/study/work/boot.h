/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A guest that boots, and what its cache toggles make the host clean.
 *
 *      base                                                        end
 *      | kernel | initramfs | per-vcpu areas |   ...   | struct pages |
 *      `-- early: touched before the first vcpu's caches are on
 *
 * The first vcpu touches `early` with its caches off, turns them on, and
 * touches the rest; then the others come up, in order, each preceded by its
 * per-vcpu area, and turn theirs on.  A vcpu's first enabling is a number of
 * VM register writes, the last of which turns the caches on.  Once all are
 * up each writes VM registers as context switches do.  Then, perhaps, a second
 * act: kexec, kdump, hot-unplug and re-plug, or a reboot.
 *
 * Every vcpu has a host CPU of its own.  Memory is one slot, identity-mapped
 * at 1 GiB, and populated: what the guest touches is faulted in at the size
 * of its backing, so costs follow mapped blocks, not touched bytes.
 */
#ifndef STAGE2SIM_STUDY_BOOT_H
#define STAGE2SIM_STUDY_BOOT_H

#include <stage2sim/vm.h>

#include "study/base/error.h"
#include "study/work/judge.h"

/** Where the guest's memory begins, as QEMU's "virt" machine has it. */
#define S2_BOOT_BASE UINT64_C(0x40000000)

/** In which order the other vcpus come up. */
enum s2_boot_order {
	S2_BOOT_ASCENDING,
	S2_BOOT_DESCENDING,
	S2_BOOT_RANDOM, /**< of the seed */
};

/** How the guest's kernel treats caches. */
enum s2_boot_guest {
	S2_BOOT_LINUX64,  /**< by VA; the toggle is all that KVM sees */
	S2_BOOT_SETWAY32, /**< a 32-bit zImage: decompressor, set/way around each toggle */
};

/** What happens once all vcpus are up. */
enum s2_boot_then {
	S2_BOOT_THEN_NOTHING,
	S2_BOOT_THEN_KEXEC,  /**< others off (PSCI), one restarts with its MMU off, all come up */
	S2_BOOT_THEN_KDUMP,  /**< others stop where they are; one starts the crash kernel */
	S2_BOOT_THEN_REPLUG, /**< every vcpu but the first: CPU_OFF, CPU_ON, caches on */
	S2_BOOT_THEN_REBOOT, /**< KVM_ARM_VCPU_INIT of every vcpu, then the boot again */
};

struct s2_boot {
	uint64_t vcpus, memory, backing;
	uint64_t ipa_bits;
	const char *touched; /**< "linux", "all", or a size from the base on */
	uint64_t stride;     /**< of a size: one page every so many bytes; 0: all pages */
	uint64_t kernel, initramfs, early, per_vcpu;
	uint64_t first; /**< vcpu that boots first */
	int order;	/**< enum s2_boot_order */
	int guest;	/**< enum s2_boot_guest */
	int then;	/**< enum s2_boot_then */
	uint64_t then_vcpu;
	uint64_t vm_regs;   /**< trapped VM register writes of a first enabling, itself included */
	uint64_t vm_writes; /**< later ones, of each vcpu */
	uint64_t set_way;   /**< DC operations of one set/way clean */
	bool fwb;	    /**< as on a machine with FEAT_S2FWB */
	struct s2_judge *judge; /**< who watches it, or NULL */
	uint64_t seed;
};

/** What the guest touches, in bytes. */
struct s2_boot_touch {
	bool linux_guest; /**< kernel, initramfs and struct pages are apart */
	uint64_t kernel, initramfs, struct_pages, per_vcpu;
	uint64_t total;
};

/** What a boot cost. */
struct s2_boot_cost {
	struct s2_counts ops;
	uint64_t toggle_lines; /**< DC CIVACs of toggles and set/way; the others are faults' */
	uint64_t cleans;       /**< toggles and set/way that cleaned anything */
	uint64_t mapped;       /**< bytes mapped at the end */
	uint64_t longest_lock;
};

/** Bytes of struct page for @p memory: 64 for each 4 KiB. */
static inline uint64_t s2_boot_struct_pages(uint64_t memory)
{
	return memory / 4096 * 64;
}

/** What @p boot touches. @return 0; -EINVAL with @p err set if it does not fit */
S2_API int s2_boot_touched(const struct s2_boot *boot, struct s2_boot_touch *touch,
			   struct s2_error *err);

/** Can this boot be run on such a machine by such a flavour? @return 0; -EINVAL with @p err set */
S2_API int s2_boot_check(const struct s2_boot *boot, const struct s2_features *features,
			 const struct s2_flavour *flavour, struct s2_error *err);

/** Boots it, by @p flavour's toggle policy. @return 0; -EINVAL, -ENOMEM with @p err set */
S2_API int s2_boot_run(const struct s2_boot *boot, const struct s2_features *features,
		       const struct s2_flavour *flavour, struct s2_boot_cost *cost,
		       struct s2_error *err);

#endif
