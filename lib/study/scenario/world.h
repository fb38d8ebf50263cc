/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a scenario is set in: a machine, VMs whose vcpus run, and what went wrong.
 *
 *     CPU 0, CPU 1   the threads      CPU 2   a vcpu that runs all the time, if it is loaded
 */
#ifndef S2_STUDY_SCENARIO_WORLD_H
#define S2_STUDY_SCENARIO_WORLD_H

#include <stage2sim/explore.h>
#include <stage2sim/vm.h>

#define S2_WORLD_VMS 3

/** Pages of the slot that each VM has. */
#define S2_WORLD_PAGES 1024U
#define S2_WORLD_IPA   UINT64_C(0x80000000)
#define S2_WORLD_HVA   UINT64_C(0x7f0080000000)
#define S2_WORLD_PA    UINT64_C(0x100000000)
#define S2_WORLD_PAGE  UINT64_C(0x1000)
#define S2_WORLD_BLOCK UINT64_C(0x200000)

/** How a world is made. */
struct s2_world_config {
	unsigned vms;		   /**< 1 to S2_WORLD_VMS */
	unsigned vcpus;		   /**< of each */
	uint64_t backing;	   /**< of the slot; 0: a page */
	unsigned pages;		   /**< of the slot; 0: S2_WORLD_PAGES */
	uint64_t split_chunk;	   /**< eager splitting */
	const char *machine;	   /**< its features; NULL: S2_WORLD_MACHINE */
	enum s2_backing_life life; /**< of the slot */
	/** Changes the choices of the newest flavour, which is what VMs have; may be NULL. */
	void (*choose)(struct s2_flavour *flavour);
	const char *choice;	       /**< "" or one more, of choices.h, made after choose() */
	enum s2_vmid_fault vmid_fault; /**< of the VMID allocator */
	/** Makes what is in the tables and runs before the threads; may be NULL. @return 0 or an error */
	int (*prepare)(void *state);
};

/** With FWB: contents are no question. */
#define S2_WORLD_MACHINE "max,bbm=0,vmid=8,pa=40"
/** Without, and so with caches to be cleaned. */
#define S2_WORLD_CACHES "max,bbm=0,vmid=8,pa=40,-fwb"

/** A world. */
struct s2_world {
	struct s2_machine *m;
	struct s2_vmids *vmids;
	struct s2_vm *vm[S2_WORLD_VMS];
	struct s2_vm *burner;	    /**< who uses up VMIDs, or NULL */
	struct s2_flavour renewing; /**< of it */
	struct s2_flavour flavour;  /**< of the VMs */
	const struct s2_world_config *cfg;
	struct s2_lock slots_lock, mmu_lock; /**< of threads that use the tables directly */
	int slot;
	unsigned in_progress, seq; /**< of the notifier, for those who model it */
	bool frame_gone;	   /**< the host has given page 0's frame to another */
	unsigned
		shared; /**< what a scenario's threads agree on, by s2_explore_touch() of object 0 */
	int error;	/**< the first that a call of a thread returned */
};

/** struct s2_scenario.create: a machine; @p arg a struct s2_world_config. */
int s2_world_create(void *arg, void **state, struct s2_machine **m);
/** struct s2_scenario.prepare: VMs, and what the configuration has before the threads. */
int s2_world_prepare(void *state);
/** struct s2_scenario.destroy. */
void s2_world_destroy(void *state);

/** CPU @p cpu. */
static inline struct s2_cpu *s2_world_cpu(struct s2_world *w, unsigned cpu)
{
	return s2_machine_cpu(w->m, cpu);
}

/** The IPA of page @p page. */
static inline struct s2_ipa s2_world_ipa(unsigned page)
{
	return s2_ipa(S2_WORLD_IPA + page * S2_WORLD_PAGE);
}

/** Notes what a call returned, if that is an error. */
void s2_world_expect(struct s2_world *w, int64_t ret);
/** A loaded vcpu accesses a page. */
void s2_world_access(struct s2_world *w, unsigned vm, int vcpu, unsigned page, enum s2_access how);
/** vcpu_load() of a vcpu on a CPU. @return 0 or an error, which is noted */
int s2_world_load(struct s2_world *w, unsigned vm, int vcpu, unsigned cpu);
/** vcpu_put(). */
void s2_world_put(struct s2_world *w, unsigned vm, int vcpu);
/** A loaded vcpu turns its caches on or off. */
void s2_world_caches(struct s2_world *w, int vcpu, bool on);
/** What a vcpu's translation fault on @p page, where the host has @p size bytes, makes of it. */
void s2_world_fault(struct s2_world *w, int vcpu, unsigned page, uint64_t size);
/** A thread waits on @p cpu until another has set w->shared, announced as object 0. */
void s2_world_await(struct s2_world *w, unsigned cpu);

/* What a configuration may have before the threads. @return 0 or an error */

/** Vcpu k runs on CPU k, of two. */
int s2_world_load_two(void *state);
/** The same, and both are in the guest: TLBs may hold what is mapped. */
int s2_world_two_run(void *state);
/** Vcpu 1 alone, which has read page 0. */
int s2_world_vcpu1_runs(void *state);
/** A vcpu on CPU 2 has written page 0, and goes on running. */
int s2_world_writer_runs(void *state);

/* Threads. */

/** The host takes page 0 away. */
void s2_world_unmap_page(void *state);
/** A vcpu writes page 0. */
void s2_world_vcpu0_writes(void *state);
void s2_world_vcpu1_writes(void *state);

/** Says what a thread that uses VM 0's tables directly relies on, of one page. */
void s2_world_rely(struct s2_world *w, unsigned cpu, enum s2_reliance_kind kind, unsigned page,
		   const char *function);
/** Uses up VMIDs until the next one that is taken begins a generation. @return 0 or an error */
int s2_world_burn(struct s2_world *w);
/** struct s2_scenario.check: every table page that lives is in a table. */
const char *s2_world_check_tables(void *state);
/** The same, and no call of a thread failed. */
const char *s2_world_check(void *state);

#endif
