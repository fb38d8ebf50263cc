/* SPDX-License-Identifier: MIT */
/* Rules and findings by name, and a violation as a line of text. */
#include <stage2sim/oracle.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *text;
} rules[S2_RULES] = {
	[S2_RULE_TRANSLATION] = {"translation",
				 "once an operation has returned no CPU holds, or can still "
				 "build, more than the tables grant (Arm ARM D8.17, R_YNJCP)"},
	[S2_RULE_PROGRESS] = {"progress",
			      "on return from a fault that was resolved the CPU holds nothing "
			      "that raises it again (be097997a273)"},
	[S2_RULE_BREAK_BEFORE_MAKE] = {"break-before-make",
				       "a translation is changed only after the old one is gone "
				       "from all TLBs (Arm ARM R_WHZWS)"},
	[S2_RULE_PUBLICATION] = {"publication",
				 "a table is linked in by a store-release or after a DSB "
				 "(Arm ARM B2.3; smp_store_release() of stage2_make_pte())"},
	[S2_RULE_TABLES] = {"tables",
			    "a table page is freed once, and where no walker can come any more "
			    "(f62d4c3eb687, Arm ARM R_SQBCS)"},
	[S2_RULE_VMID] = {"vmid",
			  "a guest runs under a VMID of which TLBs hold nothing of another "
			  "(Arm ARM D8.16; fa808ed4e199, fb544d1ca65a)"},
	[S2_RULE_DIRTY_LOG] = {"dirty-log",
			       "a page whose dirty bit was handed out cannot be written without "
			       "its bit being set again (kvm_vm_ioctl_clear_dirty_log())"},
	[S2_RULE_DATA] = {"data",
			  "a read returns the last write that its contract promises it (Arm ARM "
			  "B2.8 and B2.11)"},
	[S2_RULE_INTERRUPTS] = {"interrupts",
				"an interrupt reaches exactly the vcpus that it is for, none lost and "
				"none twice, and registers read back as specified (Arm IHI 0069)"},
	[S2_RULE_CONTEXTS] = {"contexts",
			      "after each event a vcpu's context is what it would be if it were "
			      "computed from nothing (kvm_init_mmu(), __load_stage2())"},
};

static const struct {
	const char *name, *text;
} contracts[S2_CONTRACTS] = {
	[S2_CONTRACT_ISOLATION] = {"isolation",
				   "nobody reads what was in a page before this VM was given it"},
	[S2_CONTRACT_ARCH] = {"arch", "a guest that maintains its caches by VA reads its last write"},
	[S2_CONTRACT_BARE_METAL] = {"bare-metal",
				    "what was written before any caches were on is seen by the first "
				    "vcpu that turns its caches on"},
	[S2_CONTRACT_KVM_COMPAT] = {"kvm-compat",
				    "a vcpu's own writes are seen across its toggles that trap"},
	[S2_CONTRACT_KVM_COMPAT_ANY] = {"kvm-compat-any",
					"a vcpu's own writes are seen across every toggle"},
	[S2_CONTRACT_RAW_DMA] = {"raw-dma",
				 "a device that snoops nothing reads the last write though nobody "
				 "cleaned for it: owed by none"},
};

static const struct {
	enum s2_rule rule;
	const char *text;
} findings[S2_FINDINGS] = {
	[S2_FOUND_UNMAPPED] = {S2_RULE_TRANSLATION, "may still translate what is not mapped"},
	[S2_FOUND_OTHER_OUTPUT] = {S2_RULE_TRANSLATION,
				   "may still translate to another output address"},
	[S2_FOUND_OTHER_TYPE] = {S2_RULE_TRANSLATION,
				 "may still translate as another type of memory"},
	[S2_FOUND_READABLE] = {S2_RULE_TRANSLATION, "may still read what may not be read"},
	[S2_FOUND_WRITABLE] = {S2_RULE_TRANSLATION, "may still write what may not be written"},
	[S2_FOUND_EXECUTABLE] = {S2_RULE_TRANSLATION,
				 "may still execute what may not be executed"},
	[S2_FOUND_WALK] = {S2_RULE_TRANSLATION,
			   "may still walk into a table that is not linked any more"},
	[S2_FOUND_REFUSED] = {S2_RULE_PROGRESS,
			      "may hold an entry that refuses the same access again"},
	[S2_FOUND_COEXISTENCE] = {S2_RULE_BREAK_BEFORE_MAKE,
				  "may hold the old translation beside the new one"},
	[S2_FOUND_UNPUBLISHED] = {S2_RULE_PUBLICATION,
				  "links a table whose entries walkers may not see yet"},
	[S2_FOUND_FREED_REACHABLE] = {S2_RULE_TABLES,
				      "is in this guest and may walk a table page that is freed"},
	[S2_FOUND_FREED_TWICE] = {S2_RULE_TABLES, "frees a table page that is none"},
	[S2_FOUND_READ_FREED] = {S2_RULE_TABLES, "reads a table page that has been freed"},
	[S2_FOUND_ENTERED_FREED] = {S2_RULE_TABLES,
				    "enters a guest whose walks may lead to a freed page"},
	[S2_FOUND_VMID_OF_ANOTHER] = {S2_RULE_VMID,
				      "enters a guest under a VMID of which TLBs may hold "
				      "another's translations"},
	[S2_FOUND_VMID_LEFT] = {S2_RULE_VMID,
				"enters a guest under a VMID that its VM had left, with what "
				"TLBs hold from then"},
	[S2_FOUND_DIRTY_WRITABLE] = {S2_RULE_DIRTY_LOG,
				     "may write a page whose dirty bit was cleared: the tables "
				     "let it"},
	[S2_FOUND_DIRTY_HELD] = {S2_RULE_DIRTY_LOG,
				 "may write a page whose dirty bit was cleared: by an old entry"},
	[S2_FOUND_LEAK] = {S2_RULE_DATA, "a read may return what was there before the VM had it"},
	[S2_FOUND_STALE_CACHED] = {S2_RULE_DATA,
				   "a cacheable read may not return the last write: a copy from "
				   "before it may be in a cache"},
	[S2_FOUND_STALE_POC] = {S2_RULE_DATA,
				"a read past the caches may not return the last write: it may be "
				"in a cache only"},
	[S2_FOUND_IRQ_LOST] = {S2_RULE_INTERRUPTS,
			       "is never given an interrupt that is pending for it"},
	[S2_FOUND_IRQ_ASTRAY] = {S2_RULE_INTERRUPTS,
				 "takes an interrupt that is not pending for it, or takes it twice"},
	[S2_FOUND_REGISTER] = {S2_RULE_INTERRUPTS,
			       "reads a register that has another value than is specified"},
	[S2_FOUND_CONTEXT] = {S2_RULE_CONTEXTS,
			      "the context is not what it would be if computed from nothing"},
};

const char *s2_rule_name(enum s2_rule rule)
{
	return (unsigned)rule < S2_RULES ? rules[rule].name : NULL;
}

const char *s2_rule_text(enum s2_rule rule)
{
	return (unsigned)rule < S2_RULES ? rules[rule].text : NULL;
}

const char *s2_contract_name(enum s2_contract contract)
{
	return (unsigned)contract < S2_CONTRACTS ? contracts[contract].name : NULL;
}

const char *s2_contract_text(enum s2_contract contract)
{
	return (unsigned)contract < S2_CONTRACTS ? contracts[contract].text : NULL;
}

const char *s2_finding_text(enum s2_finding finding)
{
	return (unsigned)finding < S2_FINDINGS ? findings[finding].text : NULL;
}

enum s2_rule s2_finding_rule(enum s2_finding finding)
{
	return (unsigned)finding < S2_FINDINGS ? findings[finding].rule : S2_RULES;
}

/* Text that grows in a buffer which may be too short for it. */
struct line {
	char *buf;
	size_t size;
	int len;
};

__attribute__((format(printf, 2, 3)))
static void add(struct line *l, const char *format, ...)
{
	const size_t used = (size_t)l->len < l->size ? (size_t)l->len : l->size;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->buf ? l->buf + used : NULL, l->size - used, format, args);
	va_end(args);
	l->len += n > 0 ? n : 0;
}

static void add_data(struct line *l, const struct s2_violation *v)
{
	const bool by_host = v->site && !strncmp(v->site, "host:", 5);

	add(l, "data, %s: %s, PA 0x%" PRIx64 " of 0x%" PRIx64 " bytes (%s",
	    s2_contract_name(v->contract), s2_finding_text(v->finding), v->pa.v, v->size,
	    v->site ? v->site : "?");
	if (!by_host)
		add(l, " of vcpu %u", v->vcpu);
	add(l, ", step %" PRIu64 ")", v->step);
}

static void add_interrupt(struct line *l, const struct s2_violation *v)
{
	add(l, "interrupts: vcpu %u %s", v->vcpu, s2_finding_text(v->finding));
	if (v->finding == S2_FOUND_REGISTER)
		add(l, ": %s is 0x%" PRIx64 ", not 0x%" PRIx64, v->site, v->held, v->now);
	else
		add(l, ": %u", v->intid);
	add(l, " (step %" PRIu64 ")", v->step);
}

int s2_violation_text(const struct s2_violation *v, char *buf, size_t size)
{
	struct line l = {buf, size, 0};

	if (v->rule == S2_RULE_DATA) {
		add_data(&l, v);
		return l.len;
	}
	if (v->rule == S2_RULE_INTERRUPTS) {
		add_interrupt(&l, v);
		return l.len;
	}
	if (v->rule == S2_RULE_CONTEXTS) {
		add(&l, "contexts: %s (%s, step %" PRIu64 ")", s2_finding_text(v->finding),
		    v->site ? v->site : "?", v->step);
		return l.len;
	}
	add(&l, "%s: CPU %u %s", s2_rule_name(v->rule), v->cpu, s2_finding_text(v->finding));
	if (v->size)
		add(&l, ", IPA 0x%" PRIx64 " of 0x%" PRIx64 " bytes", v->ipa.v, v->size);
	if (v->page.v)
		add(&l, ", %s 0x%" PRIx64, v->rule == S2_RULE_VMID ? "root" : "page", v->page.v);
	if (v->vmid.v || v->rule == S2_RULE_VMID)
		add(&l, ", VMID %u", v->vmid.v);
	if (v->held)
		add(&l, ", held 0x%" PRIx64, v->held);
	/* Of these rules what is held says it all. */
	if (v->now || (v->held && v->rule != S2_RULE_PROGRESS && v->rule != S2_RULE_DIRTY_LOG))
		add(&l, ", tables have 0x%" PRIx64, v->now);
	add(&l, " (%s on CPU %u, step %" PRIu64 ")", v->site ? v->site : "?", v->by, v->step);
	return l.len;
}
