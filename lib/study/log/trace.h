/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Reader of ftrace logs of a KVM/arm64 host.
 *
 * A log is what tracefs' `trace` (or `trace_pipe`) prints:
 *
 *     # entries-in-buffer/entries-written: 2/2   #P:4
 *            lab-192     [000] d....    10.982683: s2_map: (f+0x0/0x140) ipa=0x…
 *     `---comm---' pid   cpu  flags     time       name  payload
 *
 * What a KVM event or one of the kprobes of docs/recording.md says becomes an
 * event with numbers; every other event is told by its name alone.  The reader
 * judges each line by itself: that an s2_map is aligned, or that an END has a
 * BEGIN, is for whoever replays.  It is strict: a line that it knows must match
 * to its last character, for a number that was cut looks like a number.
 *
 * The text of trace-cmd report and of perf script is read as well, and trace-cmd's
 * own trace.dat where libtracecmd is there: its fields are taken by their names, and
 * a record's number stands for a line's.
 *
 * It streams: memory is some 200 KiB, whatever the length of the log; of a
 * trace.dat, what it says of its formats and a page a CPU.
 *
 * Stands for: the print formats of Linux events/kvm, kernel/trace/trace.c
 * (header and line prefix), trace_kprobe.c and trace_syscalls.c.
 */
#ifndef STAGE2SIM_STUDY_TRACE_H
#define STAGE2SIM_STUDY_TRACE_H

#include <stage2sim/types.h>

#include "study/base/error.h"
#include "study/base/parse.h"

/** Longest line that is read, in bytes without its newline. */
#define S2_TRACE_LINE_MAX 65536U

/** Bytes of a task's name with its terminating NUL (the kernel's TASK_COMM_LEN). */
#define S2_TRACE_COMM 16

/** "No hint" in the level of a TLB flush (the kernel's TLBI_TTL_UNKNOWN). */
#define S2_TRACE_NO_LEVEL INT32_MAX

/** commit_region.change of a slot's deletion (the kernel's KVM_MR_DELETE). */
#define S2_TRACE_REGION_DELETE 1U

/** What a line says. Names starting with KVM_ are tracepoints, SYS_ a syscall's
 *  entry, MARK_ writes to trace_marker; the others are our kprobes. */
enum s2_trace_kind {
	S2_TRACE_OTHER,		       /**< well-formed, of no interest here */
	S2_TRACE_MARK_BEGIN,	       /**< u.mark */
	S2_TRACE_MARK_END,	       /**< no arguments */
	S2_TRACE_MARK_HOST,	       /**< u.mark: "release=... machine=...", of the host */
	S2_TRACE_SYS_IOCTL,	       /**< u.ioctl */
	S2_TRACE_KVM_ENTRY,	       /**< u.entry */
	S2_TRACE_KVM_EXIT,	       /**< u.exit */
	S2_TRACE_KVM_GUEST_FAULT,      /**< u.fault */
	S2_TRACE_KVM_MMIO,	       /**< u.mmio */
	S2_TRACE_KVM_USERSPACE_EXIT,   /**< u.userspace_exit */
	S2_TRACE_KVM_UNMAP_HVA,	       /**< u.unmap_hva */
	S2_TRACE_KVM_SET_SPTE,	       /**< u.set_spte: change_pte, up to v6.9 */
	S2_TRACE_KVM_TOGGLE_CACHE,     /**< u.kvm_toggle */
	S2_TRACE_KVM_SET_WAY_FLUSH,    /**< u.kvm_set_way */
	S2_TRACE_S2_MAP,	       /**< u.map */
	S2_TRACE_S2_UNMAP,	       /**< u.range */
	S2_TRACE_S2_WRPROTECT,	       /**< u.range */
	S2_TRACE_S2_FLUSH,	       /**< u.range */
	S2_TRACE_S2_SPLIT,	       /**< u.range */
	S2_TRACE_S2_RELAX_PERMS,       /**< u.relax */
	S2_TRACE_S2_MKYOUNG,	       /**< u.mkyoung */
	S2_TRACE_S2_DESTROY,	       /**< no arguments */
	S2_TRACE_S2_FREE_UNLINKED,     /**< u.free_unlinked */
	S2_TRACE_TLB_VMID,	       /**< no arguments */
	S2_TRACE_TLB_IPA,	       /**< u.tlb_ipa */
	S2_TRACE_TLB_IPA_NSH,	       /**< u.tlb_ipa */
	S2_TRACE_TLB_RANGE,	       /**< u.tlb_range */
	S2_TRACE_TLB_CPU_CTX,	       /**< no arguments */
	S2_TRACE_FLUSH_MEMSLOT,	       /**< u.flush_memslot */
	S2_TRACE_FLUSH_ALL,	       /**< no arguments */
	S2_TRACE_CLEAR_MASKED,	       /**< u.clear_masked */
	S2_TRACE_COMMIT_REGION,	       /**< u.commit_region */
	S2_TRACE_FLUSH_SHADOW_MEMSLOT, /**< no arguments */
	S2_TRACE_FLUSH_SHADOW_ALL,     /**< no arguments */
	S2_TRACE_TOGGLE_CACHE,	       /**< u.toggle */
	S2_TRACE_SET_WAY_FLUSH,	       /**< no arguments */
	S2_TRACE_SGI,		       /**< u.sgi */
	S2_TRACE_KINDS
};

/** How kvm_mmio calls an access. */
enum s2_trace_mmio {
	S2_TRACE_MMIO_UNSATISFIED_READ,
	S2_TRACE_MMIO_READ,
	S2_TRACE_MMIO_WRITE,
};

/** How a kernel prints the hexadecimal arguments of a system call. */
enum s2_trace_prefix {
	S2_TRACE_PREFIX_UNKNOWN, /**< another tool printed them */
	S2_TRACE_PREFIX_NONE,
	S2_TRACE_PREFIX_0X,
};

/**
 * One line of a log.  All numbers are as printed: nothing is checked but that
 * they fit their type.  Spans point into the reader's buffer and are valid
 * until the next call on the same reader.
 */
struct s2_trace_event {
	uint64_t line; /**< from 1 */
	enum s2_trace_kind kind;
	int32_t pid;  /**< the task's thread number */
	int32_t tgid; /**< its process, -1 when the log does not tell */
	uint32_t cpu;
	char comm[S2_TRACE_COMM]; /**< the task's name, terminated */
	struct s2_span name;	  /**< the event's name as printed */
	bool has_owner;
	/** pgt= of an s2_ event, mmu= of a tlb_ event: a kernel address that tells
	 *  tables (VMs) apart; the two are different objects of the same VM. */
	uint64_t owner;
	union {
		struct {
			struct s2_span name; /**< of the phase, not empty */
		} mark;
		struct {
			/** Both cut to 32 bits as the syscall does: a libc may pass
			 *  a request sign-extended. */
			uint32_t fd, cmd;
			uint64_t arg;
			/** Whether numbers were printed with 0x, as newer kernels do. */
			enum s2_trace_prefix prefix;
		} ioctl;
		struct {
			struct s2_va pc;
		} entry;
		struct {
			bool is_trap; /**< else an IRQ, an SError, or the hypervisor gone */
			uint8_t ec;   /**< ESR_EL2.EC, 0 to 0x3f; means something for a trap */
			struct s2_va pc;
		} exit;
		struct {
			struct s2_ipa ipa; /**< of the page, the offset is in hxfar */
			uint64_t hsr;	   /**< ESR_EL2 */
			struct s2_va hxfar, pc;
		} fault;
		struct {
			enum s2_trace_mmio type;
			uint32_t len; /**< bytes */
			struct s2_ipa gpa;
			uint64_t val;
		} mmio;
		struct {
			bool is_error;	 /**< then number is a positive errno, 4 for a restart */
			uint32_t number; /**< else a KVM_EXIT_ reason */
		} userspace_exit;
		struct {
			struct s2_va start, end; /**< host virtual, end excluded */
		} unmap_hva;
		struct {
			struct s2_va hva; /**< host virtual */
		} set_spte;
		struct {
			struct s2_va pc;
			bool was_on, now_on;
		} kvm_toggle;
		struct {
			struct s2_va pc;
			bool caches_on;
		} kvm_set_way;
		struct {
			struct s2_ipa ipa;
			uint64_t size; /**< bytes */
			struct s2_pa phys;
			uint64_t prot; /**< enum s2_prot, and bits it does not know */
		} map;
		struct {
			struct s2_ipa ipa;
			uint64_t size; /**< bytes */
		} range;
		struct {
			struct s2_ipa ipa;
			uint64_t prot;
		} relax;
		struct {
			struct s2_ipa ipa;
		} mkyoung;
		struct {
			int32_t level;
		} free_unlinked;
		struct {
			struct s2_ipa ipa;
			int32_t level; /**< S2_TRACE_NO_LEVEL when the caller gave none */
		} tlb_ipa;
		struct {
			struct s2_ipa start;
			uint64_t pages;
		} tlb_range;
		struct {
			/** Right only from the corrected probe for the kernel that
			 *  ran; the probe of the 6.12 logs read other fields. */
			uint64_t base_gfn, npages;
		} flush_memslot;
		struct {
			uint64_t gfn_offset; /**< in the slot, in pages */
			uint64_t mask;	     /**< of 64 pages from there */
		} clear_masked;
		struct {
			uint32_t change; /**< enum kvm_mr_change */
			/** base_gfn and npages are the new slot's.  False when the
			 *  probe does not print them, could not read them, or the
			 *  slot is deleted and so there is no new one. */
			bool has_slot;
			uint64_t base_gfn, npages;
			uint64_t old; /**< kernel address of the old slot, 0 for none or unknown */
		} commit_region;
		struct {
			uint8_t was; /**< not 0: caches were on */
		} toggle;
		struct {
			uint64_t reg;	  /**< ICC_SGI1R_EL1 as written */
			uint8_t allow_g1; /**< a truth value */
		} sgi;
	} u;
};

/** Kinds of error, in s2_error.code. */
enum s2_trace_code {
	S2_TRACE_OK,
	/* This line is bad: -EBADMSG, and the next call goes on after it. */
	S2_TRACE_ERR_LOST,  /**< the log says that events were lost */
	S2_TRACE_ERR_CUT,   /**< the line stops before its event does */
	S2_TRACE_ERR_FORM,  /**< not the event's format, or no event at all */
	S2_TRACE_ERR_RANGE, /**< a number does not fit */
	S2_TRACE_ERR_LONG,  /**< longer than S2_TRACE_LINE_MAX */
	/* The log is bad: another errno, given again by every later call. */
	S2_TRACE_ERR_NOT_FTRACE, /**< -EINVAL: empty, binary, or some other text */
	S2_TRACE_ERR_ARCH,	 /**< -EINVAL: a log of another architecture's KVM */
	S2_TRACE_ERR_OPEN,	 /**< what open() said */
	S2_TRACE_ERR_READ,	 /**< what read() said */
	S2_TRACE_ERR_GZIP,	 /**< -EIO: compressed data end early or are damaged */
	S2_TRACE_ERR_NO_ZLIB,	 /**< -ENOTSUP: compressed, and built without zlib */
	S2_TRACE_ERR_DAT,	 /**< -EIO: a trace.dat is cut or damaged; -EINVAL: not read */
	S2_TRACE_ERR_MEMORY,	 /**< -ENOMEM */
	S2_TRACE_CODES
};

/** A reader.  One thread at a time; any number of readers may live. */
struct s2_trace;

/**
 * Open the log at @p path, or standard input for "-"; what it is is told by what
 * is in it.  Nothing is read yet.
 * Returns a reader for s2_trace_close(), or NULL with @p err (may be NULL) set.
 */
S2_API struct s2_trace *s2_trace_open(const char *path, struct s2_error *err);

/**
 * Read the next event.  Returns 1 with @p ev filled, 0 at the end of the log,
 * or a negative errno with s2_trace_error() set: -EBADMSG when one line is bad
 * (calling again goes on with the next one), any other when the log is, for
 * good.  After an error only ev->line is set, to the line it was found in.
 * Comment lines, empty lines and stack traces are passed over.
 */
S2_API int s2_trace_next(struct s2_trace *trace, struct s2_trace_event *ev);

/** The error of the last call that returned one; valid until the next call. */
S2_API const struct s2_error *s2_trace_error(const struct s2_trace *trace);

/** Lines read so far, the comments and bad ones with them. */
S2_API uint64_t s2_trace_lines(const struct s2_trace *trace);

/**
 * Events that the log's header says there are (entries-in-buffer), 0 when it
 * says nothing.  A log that lost its tail at a line's end, or was filtered,
 * has fewer.  Known once the first event is read.
 */
S2_API uint64_t s2_trace_entries(const struct s2_trace *trace);

/**
 * CPUs of the host that the log's header tells (#P:), 0 when it says nothing.
 * Known once the first event is read.
 */
S2_API uint32_t s2_trace_cpus(const struct s2_trace *trace);

/**
 * The kernel's release that the tool's header tells ("6.12.107"), or NULL.
 * Known once the first event is read; lives as long as the reader.
 */
S2_API const char *s2_trace_release(const struct s2_trace *trace);

/** Bytes of the file read so far, as it lies on disk (compressed or not). */
S2_API uint64_t s2_trace_bytes_read(const struct s2_trace *trace);

/** Bytes of the file, 0 when that is not known (a pipe). */
S2_API uint64_t s2_trace_bytes_total(const struct s2_trace *trace);

/** Close a reader; NULL is allowed.  Standard input stays open. */
S2_API void s2_trace_close(struct s2_trace *trace);

/** A kind's name: the event's as it is printed, "BEGIN" and "END" for marks,
 *  "other" for the rest; NULL for a value that is no kind. */
S2_API const char *s2_trace_kind_name(enum s2_trace_kind kind);

/** A code's name, e.g. "cut" for S2_TRACE_ERR_CUT; NULL for no code. */
S2_API const char *s2_trace_code_name(enum s2_trace_code code);

#endif
