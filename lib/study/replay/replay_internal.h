/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside a replay: the host's objects as far as a log shows them.
 *
 *     process --- fds --> VM (an s2_vm) --- vcpus
 *        |                 `---- slots as far as they have been seen
 *     task (thread) --- in an ioctl, in KVM_RUN of a vcpu
 *        `--- predicted calls | observed calls, waiting for each other
 *
 * replay_host.c keeps processes, fds and VMs; replay_place.c finds the VM of a
 * line; replay_vcpu.c loads vcpus and reads what they trapped on;
 * replay_phase.c keeps phases; replay_calls.c compares calls; replay_rich.c and replay_plain.c turn events
 * into requests; replay.c is the front.
 */
#ifndef S2_STUDY_REPLAY_INTERNAL_H
#define S2_STUDY_REPLAY_INTERNAL_H

#include <stage2sim/physics.h>
#include <stage2sim/vm.h>

#include "study/replay/replay.h"

/** A slot as the log has shown it. */
struct replay_slot {
	uint64_t ipa;
	uint64_t size;
	bool exact; /**< else the largest extent seen so far */
	struct replay_slot *next;
};

struct replay_vcpu {
	struct s2_vcpu *vcpu; /**< in order of creation */
	struct replay_vm *vm;
	int64_t cpu; /**< where it is loaded, -1: nowhere */
	struct replay_vcpu *next;
};

struct replay_vm {
	struct s2_vm *vm;
	struct s2_mmu *mmu; /**< of vm */
	struct replay_process *process;
	struct replay_vcpu *vcpus;
	struct replay_slot *slots;
	uint64_t split_chunk; /**< largest s2_split so far, 0: none */
	uint64_t pgt;	      /**< the kernel's address of its tables, 0: not known */
	uint64_t number;      /**< from 1, in order of creation */
	struct replay_vm *next;
};

enum fd_kind {
	FD_OTHER,
	FD_SYSTEM, /* /dev/kvm */
	FD_VM,
	FD_VCPU,
};

struct replay_fd {
	uint32_t fd;
	enum fd_kind kind;
	struct replay_vm *vm;
	struct replay_vcpu *vcpu;
	int32_t runner; /**< the task last seen to run this vcpu, -1: none */
	struct replay_fd *next;
};

struct replay_process {
	int32_t tgid;  /**< -1: the log does not tell */
	int32_t owner; /**< the task that created its first VM */
	struct replay_fd *fds;
	uint64_t pending_ipa_bits; /**< VM created, its fd not seen yet; 0: none */
	unsigned pending_vcpus;	   /**< vcpus created, their fds not seen yet */
	struct replay_vm *pending_vcpu_vm;
	struct replay_process *next;
};

/** A run of flush calls; in repetition i the IPA is ipa + i * step. */
struct pending_call {
	struct s2_flush_call call;
	uint64_t line;
};

struct call_queue {
	struct pending_call *calls;
	size_t head, len, cap;
};

/** Whether a task has just been seen to end a VM, by flush_shadow_all. */
enum replay_end {
	END_NONE,
	END_DONE, /* done; an s2_destroy right after it is the same */
	END_OPEN, /* of which VM only what follows can tell */
};

struct replay_task {
	int32_t pid;
	unsigned cpu;			/**< of its last line */
	struct replay_process *process; /**< NULL: not known */
	struct replay_vcpu *running;	/**< in KVM_RUN of this vcpu */
	struct replay_vcpu *vcpu;	/**< plain: the vcpu that it runs from time to time */
	struct replay_vm *ioctl_vm;	/**< in an ioctl on this VM or a vcpu of it */
	struct call_queue predicted, observed;
	uint64_t wp_start, wp_end; /**< write-protected in this ioctl; empty if equal */
	bool clear_pending;	   /**< this ioctl has cleared dirty bits and owes a flush */
	uint64_t clear_offset, clear_mask;
	struct replay_slot *clear_slot;
	enum replay_end end_seen;
	bool changing_pte; /**< in the change_pte notifier: a map is its */
	bool fault_pending; /**< what became of the fault has not been seen yet */
	struct s2_trace_event fault;
	struct replay_task *next; /**< in its hash bucket */
};

#define TASK_BUCKETS 1024U

struct phase_name {
	uint64_t hash;
	char *name;
	uint64_t occurrences;
	struct phase_name *next;
};

/** Phases from an outermost BEGIN on, in the order of their BEGINs. */
struct open_phase {
	struct s2_replay_phase phase;
	struct s2_counts start;
	int32_t pid; /**< of the task that began it */
	bool ended;
};

struct phase_nest {
	struct open_phase *phases;
	size_t n, cap;
	size_t n_open; /**< that have not ended */
	uint64_t differences;
	int32_t *cut; /**< tasks whose phase ended with one around it: an END of theirs is late */
	size_t n_cut, cap_cut;
};

struct s2_replay {
	struct s2_replay_config cfg;
	struct s2_machine *machine;
	struct replay_vcpu **loaded; /**< on each CPU, or NULL */
	struct replay_process *processes;
	struct replay_vm *vms;
	size_t n_vms;
	uint64_t vms_made;
	struct s2_vmids *vmids;
	struct replay_task *tasks[TASK_BUCKETS];
	size_t n_tasks;
	struct replay_task *current; /**< whose predicted calls the MMUs report */
	uint64_t line;
	struct s2_error *err; /**< of the event being taken */

	struct s2_counts total;
	struct phase_nest nest;
	struct s2_replay_phase whole; /**< from the first line to the last */
	bool any_phase;
	bool said_plain; /**< what a plain log lacks has been said */
	struct phase_name *names;

	uint64_t replayed, ignored;
	uint64_t faults, exits, entries; /**< of guests, as the log has them */
	struct s2_replay_named unplaced[S2_TRACE_KINDS];
	size_t n_unplaced;
	char **inferred;
	size_t n_inferred;
	bool oom; /**< a queue could not grow within a call that cannot fail */
};

/* replay_host.c */

/** The task of @p ev, made if new; NULL: out of memory. */
struct replay_task *s2_replay_task(struct s2_replay *r, const struct s2_trace_event *ev);
int s2_replay_ioctl(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev);
/** The VM that @p ev of @p t is about, or NULL if the log leaves it open (replay_place.c). */
struct replay_vm *s2_replay_place(struct s2_replay *r, const struct replay_task *t,
				  const struct s2_trace_event *ev);
/** A VM for logs that start after its creation. @return 0, or an error with r->err set */
int s2_replay_assumed_vm(struct s2_replay *r, struct replay_process *p, struct replay_vm **out);
void s2_replay_vm_gone(struct s2_replay *r, struct replay_vm *vm);
/** A vcpu for @p vm. @return 0, or an error with r->err set */
int s2_replay_add_vcpu(struct s2_replay *r, struct replay_vm *vm, struct replay_vcpu **out);
/** The one VM that a plain log is taken to have. @return 0, or an error with r->err set */
int s2_replay_plain_vm(struct s2_replay *r, struct replay_task *t, struct replay_vm **out);
struct s2_cpu *s2_replay_cpu(struct s2_replay *r, const struct s2_trace_event *ev);
void s2_replay_free_host(struct s2_replay *r);

/* replay_vcpu.c */

void s2_replay_load(struct s2_replay *r, struct replay_vcpu *v, unsigned cpu);
/** @p v is on no CPU any more. */
void s2_replay_unload(struct s2_replay *r, struct replay_vcpu *v);
/** No vcpu of @p vm is on a CPU any more. */
void s2_replay_unload_all(struct s2_replay *r, const struct replay_vm *vm);
/** @p t printed a line on @p cpu: its vcpu, if any, is loaded there. */
void s2_replay_on_cpu(struct s2_replay *r, struct replay_task *t, unsigned cpu);
void s2_replay_vcpu_put(struct s2_replay *r, struct replay_task *t);
/** kvm_guest_fault's syndrome. */
struct s2_fault s2_replay_fault(const struct s2_trace_event *ev);
/** kvm_toggle_cache and kvm_set_way_flush of a vcpu that is loaded. */
int s2_replay_toggle(struct s2_replay *r, struct replay_vcpu *v, const struct s2_trace_event *ev);
int s2_replay_set_way(struct replay_vcpu *v, const struct s2_trace_event *ev);

/* replay_calls.c */

void s2_replay_predict(void *arg, const struct s2_flush_call *call);
void s2_replay_observe(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev);
/** Compares what both sides have. */
void s2_replay_match(struct s2_replay *r, struct replay_task *t);
/** An operation of @p t is over: what has no counterpart now never will. */
void s2_replay_settle(struct s2_replay *r, struct replay_task *t);
void s2_replay_free_calls(struct replay_task *t);

/* replay_phase.c */

/** BEGIN or END of @p t. @return 1, or an error with r->err set */
int s2_replay_mark(struct s2_replay *r, const struct replay_task *t,
		   const struct s2_trace_event *ev);
/** The log is at its end. @return 0, or an error with r->err set */
int s2_replay_end_phases(struct s2_replay *r);
struct s2_counts s2_replay_counts(const struct s2_replay *r);
void s2_replay_free_phases(struct s2_replay *r);

/** Whether a phase has begun and not ended. */
static inline bool s2_replay_in_phase(const struct s2_replay *r)
{
	return r->nest.n_open > 0;
}

/* replay_rich.c, replay_plain.c: one event; 1 if it had a meaning, 0 if not, or an error. */

int s2_replay_rich(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev);
int s2_replay_plain(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev);
/** The ioctl that @p t was in is over. */
void s2_replay_end_ioctl(struct s2_replay *r, struct replay_task *t);

/* replay.c */

/** Says something that the log left open, once. */
S2_PRINTF(2, 3) void s2_replay_infer(struct s2_replay *r, const char *fmt, ...);
void s2_replay_unplaced(struct s2_replay *r, enum s2_trace_kind kind);
/** Sets the error of the event. @return @p ret */
S2_PRINTF(4, 5)
int s2_replay_fail(struct s2_replay *r, enum s2_replay_code code, int ret, const char *fmt, ...);

#endif
