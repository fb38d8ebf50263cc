/* SPDX-License-Identifier: MIT */
/*
 * Where the tree's code meets the machine: included before each of its files.
 *
 *     tree's macro --> overlay/asm/x.h --> s2k_...() here --> machine/thunks.c --> insn.h
 *
 * Plain C types only, since both sides include it.  A name ends in the word
 * that the tree's macro was given, so a word that is not here is an error of
 * the compiler; an instruction that is not here, of the assembler.
 */
#ifndef S2K_H
#define S2K_H
#ifndef __ASSEMBLY__

/* clang-format off */
#define S2K_BARRIERS(X) X(ish) X(ishst) X(ishld) X(nsh) X(nshst) X(osh) X(oshst) X(sy) X(st) X(ld)
#define S2K_TLBI_ALL(X) X(vmalls12e1is) X(vmalls12e1) X(vmalle1is) X(vmalle1) X(alle1is)
#define S2K_TLBI_OPERAND(X) X(ipas2e1is) X(ipas2e1) X(ripas2e1is) X(ripas2e1) X(vale2is)
/* Of stage 1: the tree's headers name them, and who runs one is told. */
#define S2K_TLBI_STAGE1(X) \
	X(aside1is) X(vae1) X(vale1) X(vae1is) X(vale1is) X(vaae1is) X(vaale1is) X(vae2is) \
	X(rvae1is) X(rvale1is) X(rvaae1is) X(rvaale1is) X(rvae2is) X(rvale2is)
/* clang-format on */

#define S2K_DECLARE_DSB(kind)	  void s2k_dsb_##kind(void);
#define S2K_DECLARE_ALL(op)	  void s2k_tlbi_##op(void);
#define S2K_DECLARE_OPERAND(op) void s2k_tlbi_##op(unsigned long operand);
S2K_BARRIERS(S2K_DECLARE_DSB)
S2K_TLBI_ALL(S2K_DECLARE_ALL)
S2K_TLBI_OPERAND(S2K_DECLARE_OPERAND)
S2K_TLBI_STAGE1(S2K_DECLARE_OPERAND)

void s2k_isb(void);
void s2k_ic_iallu(void);
void s2k_ic_ialluis(void);
/* Loops of mm/cache.S, [start, end) being linear addresses. */
void s2k_dc_civac(unsigned long start, unsigned long end);
void s2k_ic_ivau(unsigned long start, unsigned long end);

/* System registers, by the name in the code or by op0, op1, CRn, CRm, op2 (sys_reg()). */
unsigned long s2k_mrs(const char *name);
void s2k_msr(const char *name, unsigned long value);
unsigned long s2k_mrs_s(unsigned int encoding);
void s2k_msr_s(unsigned int encoding, unsigned long value);
void s2k_hvc(const char *function);

/* Descriptors: 64 bits in a table page.  First comes the event, then the store, or the caller's load. */
extern unsigned long s2k_tables, s2k_tables_size;
#define s2k_is_pte(p) ((unsigned long)(p) - s2k_tables < s2k_tables_size)
void s2k_pte_store(const volatile void *p, unsigned long value, int release);
void s2k_pte_load(const volatile void *p);

/* The linear map: VA = PA + s2k_linear, for tables and for guests' memory. */
extern unsigned long s2k_linear;
/* struct page number 0. */
extern unsigned long s2k_vmemmap;
/* What boot would have patched in, by the tree's own numbers of capabilities. */
extern unsigned char s2k_cap[256];
extern unsigned long s2k_ctr_el0;
extern unsigned int s2k_cpu;

/* Table pages and their counts (struct page); NULL without memory. */
void *s2k_page_alloc(unsigned long pages);
void s2k_page_free(void *va, unsigned long pages);
void s2k_page_get(void *va);
void s2k_page_put(void *va);
int s2k_page_count(void *va);
/* A page that is no table yet, zeroed; it becomes one; it goes, whichever it is by s2k_page_free(). */
void *s2k_page_reserve(void);
void s2k_page_taken(void *va);
void *s2k_zalloc(unsigned long bytes);
void s2k_free(void *p);

void s2k_relax(void);
/* Ends the request that runs, which reports what; the VM is not used again. */
void s2k_stop(const char *what, const char *where, int line) __attribute__((noreturn));
void s2k_warn(const char *file, int line);

#ifdef __KERNEL__
/* asm() of .c files that has no operands: instructions become calls that keep every register. */
asm(".macro isb\n\tcall s2k_isb_thunk\n.endm\n"
    ".macro ic op\n\tcall s2k_ic_\\op\\()_thunk\n.endm\n"
    ".macro s2k_alternative cap, old, new\n"
    "\ttestb $1, s2k_cap+\\cap(%rip)\n\tjnz 771f\n\t\\old\n\tjmp 772f\n771:\t\\new\n772:\n.endm\n");
#endif
#endif
#endif
