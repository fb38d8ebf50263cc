/* SPDX-License-Identifier: MIT */
/*
 * One log in the words of each tool: the same events, whoever wrote it.  The
 * lines are those of the sample logs, rewritten.
 */
#include "support.h"
#include "temp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/log/trace.h"

/* A tracefs line, taken apart. */
struct parts {
	char comm[17], pid[16], cpu[8], flags[8], time[24];
	char name[64];
	char args[512];
};

static bool take_apart(const char *line, struct parts *p)
{
	int at = 0;

	if (sscanf(line, "%16[^\n]-%15[0-9] [%7[0-9]] %7s %23[0-9.]: %n", p->comm, p->pid, p->cpu,
		   p->flags, p->time, &at) < 5 ||
	    at == 0)
		return false;
	line += at;
	at = (int)strcspn(line, ":(");
	snprintf(p->name, sizeof(p->name), "%.*s", at, line);
	line += at + (line[at] == ':');
	snprintf(p->args, sizeof(p->args), "%.*s", (int)strcspn(line, "\n"), line + (*line == ' '));
	return true;
}

/* What other tools print of system calls, marks and probes. */
static void say_as_tools_do(struct parts *p)
{
	unsigned long long fd, cmd, arg;
	char args[512];

	if (sscanf(p->args, "(fd: %llx, cmd: %llx, arg: %llx)", &fd, &cmd, &arg) == 3) {
		snprintf(p->args, sizeof(p->args), "fd: 0x%08llx, cmd: 0x%08llx, arg: 0x%08llx", fd,
			 cmd, arg);
		snprintf(p->name, sizeof(p->name), "sys_enter_ioctl");
	} else if (!strcmp(p->name, "tracing_mark_write")) {
		snprintf(args, sizeof(args), "tracing_mark_write: %.480s", p->args);
		memcpy(p->args, args, sizeof(args));
		snprintf(p->name, sizeof(p->name), "print");
	} else if (p->args[0] == '(') {
		snprintf(args, sizeof(args), "(ffff800080041234%.480s", strchr(p->args, ')'));
		memcpy(p->args, args, sizeof(args));
	}
}

static const char *group_of(const struct parts *p)
{
	if (!strncmp(p->name, "sys_", 4))
		return "syscalls";
	return strncmp(p->name, "kvm_", 4) ? "kx" : "kvm";
}

enum tool {
	TRACE_PIPE,
	TRACE_CMD,
	TRACE_CMD_FLAGS,
	TRACE_CMD_LATENCY,
	TRACE_CMD_BUFFERS,
	PERF_TID,
	PERF_PID_TID,
	TOOLS,
};

static const char *const heads[TOOLS] = {
	"", "cpus=4\nCPU 3 is empty\n", "cpus=4\n", "cpus=4\n", "cpus=4\n", "",
	"# ========\n# os release : 6.12.107-1\n# arch : aarch64\n# nrcpus online : 4\n#\n"};

static const char *bare(const char *comm)
{
	while (*comm == ' ')
		comm++;
	return comm;
}

static int write_line(FILE *out, enum tool tool, const char *line)
{
	struct parts p;
	char name[160];

	if (tool == TRACE_PIPE || !take_apart(line, &p))
		return fputs(line, out);
	say_as_tools_do(&p);
	snprintf(name, sizeof(name), "%s:", p.name);
	switch (tool) {
	case TRACE_CMD:
		return fprintf(out, "%16s-%-5s [%s] %12s: %-20s %s\n", bare(p.comm), p.pid, p.cpu,
			       p.time, name, p.args);
	case TRACE_CMD_FLAGS:
		return fprintf(out, "%16s-%-5s [%s] %s %12s123: %-20s %s\n", bare(p.comm), p.pid,
			       p.cpu, p.flags, p.time, name, p.args);
	case TRACE_CMD_LATENCY:
		return fprintf(out, "%8.8s-%-5s %3d%.4s %12s: %-20s %s\n", bare(p.comm), p.pid,
			       atoi(p.cpu), p.flags, p.time, name, p.args);
	case TRACE_CMD_BUFFERS:
		return fprintf(out, "      host: %16s-%-5s [%s] %12s: %-20s %s\n", bare(p.comm),
			       p.pid, p.cpu, p.time, name, p.args);
	case PERF_TID:
		return fprintf(out, "%16s %5s [%s] %12s: %20s:%s %s\n", bare(p.comm), p.pid, p.cpu,
			       p.time, group_of(&p), name, p.args);
	default:
		return fprintf(out, "%16s %5d/%-5s [%s] %12s: %20s:%s %s\n", bare(p.comm), 7, p.pid,
			       p.cpu, p.time, group_of(&p), name, p.args);
	}
}

/* Lines of each kind that a rich log has. */
static const char *const lines[] = {
	"             lab-141     [000] .....    15.442336: sys_ioctl(fd: 3, cmd: ae01, arg: 0)\n",
	"             lab-141     [000] .....    15.449159: sys_ioctl(fd: 5, cmd: 4020aeae, arg: fffff239d9d0)\n",
	"             lab-141     [000] .....    15.449160: tracing_mark_write: BEGIN map_w pages=1 back=4k\n",
	"             lab-141     [002] d....    15.449161: tlb_cpu_ctx: (__kvm_flush_cpu_context+0x0/0x88)\n",
	"             lab-141     [002] d....    15.449162: kvm_entry: PC: 0x000000004000000c\n",
	"       CPU 1/KVM-1412    [001] ...1.    15.449163: kvm_exit: TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: 0x0000000040000014\n",
	"       CPU 1/KVM-1412    [001] .....    15.449164: kvm_guest_fault: ipa 0x80000000, hsr 0x93c4804f, hxfar 0x80000000, pc 0x00000040000014\n",
	"             lab-141     [000] d..1.    15.449165: s2_map: (kvm_pgtable_stage2_map+0x0/0x138) ipa=0x80000000 size=0x1000 phys=0x12493f000 prot=0xf\n",
	"             lab-141     [000] d..1.    15.449166: tlb_ipa: (__kvm_tlb_flush_vmid_ipa+0x0/0xc8) ipa=0x80000000 level=2147483647\n",
	"             lab-141     [000] d..1.    15.449167: tlb_range: (__kvm_tlb_flush_vmid_range+0x0/0x1a0) start=0x80000000 pages=512\n",
	"             lab-141     [000] .....    15.449168: kvm_unmap_hva_range: mmu notifier unmap range: 0x00ffff8be00000 -- 0x00ffff8be01000\n",
	"             lab-141     [000] .....    15.449169: kvm_userspace_exit: reason KVM_EXIT_MMIO (6)\n",
	"             lab-141     [000] .....    15.449170: vgic_update_irq_pending: VCPU: 0, IRQ 27, level: 0\n",
	"             lab-141     [000] ...2.    15.449171: tracing_mark_write: END\n",
};

static void write_as(enum tool tool, char path[S2_TEST_PATH])
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fputs(heads[tool], out);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_true(write_line(out, tool, lines[i]) >= 0);
	fclose(out);
	s2_test_temp_file(path, text, size);
	free(text);
}

static void same_event(const struct s2_trace_event *a, const struct s2_trace_event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_i64(a->pid, b->pid);
	assert_u64(a->cpu, b->cpu);
	switch (a->kind) {
	case S2_TRACE_SYS_IOCTL:
		assert_u64(a->u.ioctl.fd, b->u.ioctl.fd);
		assert_u64(a->u.ioctl.cmd, b->u.ioctl.cmd);
		assert_u64(a->u.ioctl.arg, b->u.ioctl.arg);
		break;
	case S2_TRACE_MARK_BEGIN:
		assert_u64(a->u.mark.name.len, b->u.mark.name.len);
		assert_memory_equal(a->u.mark.name.text, b->u.mark.name.text, a->u.mark.name.len);
		break;
	case S2_TRACE_S2_MAP:
		assert_memory_equal(&a->u.map, &b->u.map, sizeof(a->u.map));
		break;
	case S2_TRACE_KVM_GUEST_FAULT:
		assert_u64(a->u.fault.ipa.v, b->u.fault.ipa.v);
		assert_u64(a->u.fault.hsr, b->u.fault.hsr);
		break;
	case S2_TRACE_TLB_RANGE:
		assert_u64(a->u.tlb_range.pages, b->u.tlb_range.pages);
		break;
	case S2_TRACE_TLB_IPA:
		assert_i64(a->u.tlb_ipa.level, b->u.tlb_ipa.level);
		break;
	default:
		break;
	}
}

static void each_tool_tells_the_same_events(void **state)
{
	(void)state;
	for (int tool = 0; tool < TOOLS; tool++) {
		char path[S2_TEST_PATH], here[S2_TEST_PATH];
		struct s2_trace *ref, *other;
		struct s2_trace_event a, b;
		struct s2_error err;
		size_t n = 0;

		write_as(TRACE_PIPE, here);
		write_as((enum tool)tool, path);
		ref = s2_trace_open(here, &err);
		other = s2_trace_open(path, &err);
		assert_non_null(ref);
		assert_non_null(other);
		while (s2_trace_next(ref, &a) > 0) {
			s2_test_row("tool %d, event %zu", tool, n++);
			if (s2_trace_next(other, &b) <= 0)
				fail_msg("%s", s2_trace_error(other)->text);
			same_event(&b, &a);
			if (tool == PERF_PID_TID)
				assert_i64(b.tgid, 7);
		}
		assert_u64(n, ARRAY_SIZE(lines));
		assert_i64(s2_trace_next(other, &b), 0);
		if (heads[tool][0])
			assert_u64(s2_trace_cpus(other), 4);
		if (tool == PERF_PID_TID)
			assert_string_equal(s2_trace_release(other), "6.12.107-1");
		else
			assert_null(s2_trace_release(other));
		s2_trace_close(ref);
		s2_trace_close(other);
		remove(path);
		remove(here);
	}
}

/* What is cut off or doubled in a line of another tool is told, with its line. */
static void a_bad_line_of_a_tool_is_told(void **state)
{
	static const struct {
		const char *line;
		int ret;
		const char *what;
	} rows[] = {
		{"cpus=4\n             lab-141   [000]    15.442336: s2_map:               "
		 "(ffff) ipa=0x1 size=0x1000\n",
		 -EBADMSG, "s2_map: expected \"phys=\""},
		{"             lab   141 [000]    15.442336:  kvm:kvm_entry: QC: 0x0\n", -EBADMSG,
		 "kvm_entry: expected"},
		{"# arch : x86_64\n", -EINVAL, "another architecture (x86_64)"},
		{"             lab   141 [000]    15.442336:  kvm:kvm_page_fault: vcpu 0 rip 0x0\n",
		 -EINVAL, "another architecture (x86)"},
		{"cpus=4\nCPU:2 [LOST 12 EVENTS]\n", -EBADMSG, "events were lost"},
		{"nothing of the kind\n", -EINVAL, "not an ftrace text log"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[S2_TEST_PATH];
		struct s2_trace_event ev;
		struct s2_error err;
		struct s2_trace *t;

		s2_test_row("row %zu", i);
		s2_test_temp_file(path, rows[i].line, strlen(rows[i].line));
		t = s2_trace_open(path, &err);
		assert_non_null(t);
		assert_i64(s2_trace_next(t, &ev), rows[i].ret);
		if (!strstr(s2_trace_error(t)->text, rows[i].what))
			fail_msg("said \"%s\"", s2_trace_error(t)->text);
		s2_trace_close(t);
		remove(path);
	}
}

/* No beginning and no end of a line makes the reader read past it. */
static void any_part_of_a_line_is_read_or_refused(void **state)
{
	(void)state;
	for (int tool = 0; tool < TOOLS; tool++) {
		for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
			char *text = NULL;
			size_t size = 0;
			FILE *out = open_memstream(&text, &size);

			assert_non_null(out);
			assert_true(write_line(out, (enum tool)tool, lines[i]) >= 0);
			fclose(out);
			for (size_t cut = 0; cut < size; cut += 1 + cut / 16) {
				char path[S2_TEST_PATH], *copy = malloc(size + 1);
				struct s2_trace_event ev;
				struct s2_error err;
				struct s2_trace *t;
				int ret;

				assert_non_null(copy);
				memcpy(copy, text, size);
				copy[cut] = '\n';
				s2_test_temp_file(path, copy, size);
				t = s2_trace_open(path, &err);
				assert_non_null(t);
				do {
					ret = s2_trace_next(t, &ev);
				} while (ret == 1 || ret == -EBADMSG);
				assert_true(ret <= 0);
				s2_trace_close(t);
				remove(path);
				free(copy);
			}
			free(text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(each_tool_tells_the_same_events),
		s2_unit_test(a_bad_line_of_a_tool_is_told),
		s2_unit_test(any_part_of_a_line_is_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
