/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Bugs that hypervisors had, to be put into the algorithms: what checks are tried on.
 *
 *     struct s2_flavour.bug        stage 2, VMIDs, caches of vcpus
 *     struct s2_vgic_config.bug    list registers, SGIs, look-up, registers
 *
 * None is the default, and costs nothing: what a bug changes is decided where a
 * walker or a routing function is chosen, or on a path that is not hot.  Those that
 * an instruction left out, put off or given another operand shows need no switch
 * (s2_oracle_config.edit).
 */
#ifndef STAGE2SIM_BUG_H
#define STAGE2SIM_BUG_H

/** What goes wrong, and where it did; "made up" where nobody published it. */
enum s2_bug {
	S2_BUG_NONE,

	S2_BUG_COLLAPSE_FROM_FAULT, /**< a table's flush begins a page late (4c36a1567388) */
	S2_BUG_COLLAPSE_ONE_IPA,    /**< of a table that became a block one IPA (3a0b870e3448) */
	S2_BUG_COLLAPSE_NO_FLUSH,   /**< nothing is flushed then (3c3736cd32bf) */
	S2_BUG_WALK_UNLINKED,	    /**< the walk goes on in what it has freed (a9f0e3d5a089) */
	S2_BUG_FREE_TWICE,	    /**< an unlinked table is freed once more (c60d847be7b8) */
	S2_BUG_TABLE_LEAF_HINT,	    /**< a table is flushed with a leaf's hint (36e008323926) */
	S2_BUG_TABLE_DEFERRED,	    /**< freed before the deferred flush (f62d4c3eb687) */
	S2_BUG_DESTROY_LIVE,	    /**< a chunk's end frees a table in use (156f70afcfec) */
	S2_BUG_WRPROTECT_STOPS,	    /**< write protection ends at a hole (ddcadb297ce5) */
	S2_BUG_DETACH_NO_FLUSH,	    /**< memory is taken away without a TLBI (a hypervisor, 2020) */
	S2_BUG_TVM_INVERTED,	    /**< TVM is set with FWB only (a patch's v2, October 2019) */
	S2_BUG_TVM_ONCE,	    /**< TVM is not set again by a second INIT (a series, May 2024) */
	S2_BUG_OFF_NOT_CLEANED,	    /**< caches that go off are not cleaned (made up) */
	S2_BUG_SET_WAY_IGNORED,	    /**< set/way does nothing (made up) */
	S2_BUG_LOG_PARTLY,	    /**< the last page of a word is not protected (made up) */
	S2_BUG_VMID_AFTER_VTTBR,    /**< VTTBR_EL2 before a VMID is there (fa808ed4e199) */
	S2_BUG_VMID_NOT_RESERVED,   /**< a rollover forgets whom CPUs run (fb544d1ca65a) */
	S2_BUG_VMID_OLD_ACCEPTED,   /**< one of the last generation will do (f0cf47d939d0) */
	S2_BUG_STAGE2_LAST = S2_BUG_VMID_OLD_ACCEPTED,

	S2_BUG_SGI_STOPS_AT_HOLE,   /**< dispatch ends at an absent target (the 2023 RFC, v2) */
	S2_BUG_SGI_AFF_IS_INDEX,    /**< an affinity is taken for an index (the RFC, v1) */
	S2_BUG_SGI_SHIFT_BY_AFF0,   /**< Aff0 64 stands for bit 0 (old KVM, old OpenVMM) */
	S2_BUG_SGI_MASK_SHORT,	    /**< a mask of 23 bits (Firecracker, Cloud Hypervisor) */
	S2_BUG_SGI_LIST_ALONE,	    /**< the list is looked at alone (a microkernel's VMM; Bao) */
	S2_BUG_LOOKUP_AFF3_AT_24,   /**< Aff3 is read at bit 24 (a Rust hypervisor, 2025) */
	S2_BUG_LOOKUP_NO_COMPARE,   /**< a table's entry is believed (made up) */
	S2_BUG_LOOKUP_NARROW,	    /**< entries of 8 bits (made up) */
	S2_BUG_LOOKUP_IDS,	    /**< a table of ids in place of indices (made up) */
	S2_BUG_LR_EOICOUNT_HEAD,    /**< ends are taken from the list's head (6da5e537f5af) */
	S2_BUG_LR_TWICE,	    /**< one interrupt in two list registers (16ca6a607d84) */
	S2_BUG_NO_RESAMPLE,	    /**< a mapped line is not sampled again (3134cc8beb69) */
	S2_BUG_ENABLE_NOT_QUEUED,   /**< an enabled one that is pending waits on (16e604a437c8) */
	S2_BUG_WFI_STALE_MASK,	    /**< WFI asks an old priority mask (5eeaf10eec39) */
	S2_BUG_INJECT_DISABLED_LOST, /**< one that is disabled is dropped (libvmm 56) */
	S2_BUG_CENABLE_WRONG_BANK,  /**< ICENABLER clears another's bits (cheribsd 2692) */
	S2_BUG_IROUTER_SPLIT,	    /**< the high word's write takes the route away (bao 394) */
	S2_BUG_REDIST_FIRST,	    /**< a write goes to the first redistributor (bao 394) */
	S2_BUG_USER_REDIST_BY_ID,   /**< an affinity is taken for an id (cloud-hypervisor 8638) */
	S2_BUG_USER_PENDING_LEVEL,  /**< userspace reads the line as latch (2cdea19a34c2) */
	S2_BUG_IIDR_OLD_REVISION,   /**< IIDR's write checks the old revision (a0e6ae45af17) */
	S2_BUG_LAST_BY_INDEX,	    /**< TYPER.Last is the last vcpu's (23bde34771f1) */
	S2_BUG_MIGRATE_FORGETS,	    /**< an interrupt that moves is on no list (made up) */
	S2_BUG_VGIC_LAST = S2_BUG_MIGRATE_FORGETS,
	S2_BUGS,		    /**< how many there are */
};

#endif
