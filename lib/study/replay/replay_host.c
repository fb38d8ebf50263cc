/* SPDX-License-Identifier: MIT */
/* Processes, file descriptors, VMs, vcpus and tasks, as far as a log shows them. */
#include "study/replay/replay_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Requests of /dev/kvm, of a VM's fd and of a vcpu's fd that tell what an fd is. */
#define KVM_CREATE_VM	    0x0000ae01U
#define KVM_CHECK_EXTENSION 0x0000ae03U
#define KVM_CREATE_VCPU	    0x0000ae41U
#define KVM_RUN		    0x0000ae80U
#define KVM_ARM_VCPU_INIT   0x4020aeaeU

static const uint32_t vm_requests[] = {
	KVM_CREATE_VCPU, 0x4020ae46, /* SET_USER_MEMORY_REGION */
	0x40a0ae49,		     /* SET_USER_MEMORY_REGION2 */
	0x4010ae42,		     /* GET_DIRTY_LOG */
	0xc018aec0,		     /* CLEAR_DIRTY_LOG */
	0x4068aea3,		     /* ENABLE_CAP */
	0x8020aeaf,		     /* ARM_PREFERRED_TARGET */
	0xc00caee0,		     /* CREATE_DEVICE */
	0x0000ae60,		     /* CREATE_IRQCHIP */
	0x4008ae61,		     /* IRQ_LINE */
	0x4020ae76,		     /* IRQFD */
	0x4040ae79,		     /* IOEVENTFD */
	0x4010ae67,		     /* REGISTER_COALESCED_MMIO */
	0x4010ae68,		     /* UNREGISTER_COALESCED_MMIO */
};

static const uint32_t vcpu_requests[] = {
	KVM_RUN,    KVM_ARM_VCPU_INIT, 0x4010aeab, /* GET_ONE_REG */
	0x4010aeac,				   /* SET_ONE_REG */
	0xc008aeb0,				   /* GET_REG_LIST */
	0x4004aec2,				   /* ARM_VCPU_FINALIZE */
	0x8004ae98,				   /* GET_MP_STATE */
	0x4004ae99,				   /* SET_MP_STATE */
	0x8040ae9f,				   /* GET_VCPU_EVENTS */
	0x4040aea0,				   /* SET_VCPU_EVENTS */
};

static bool is_one_of(uint32_t cmd, const uint32_t *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == cmd)
			return true;
	return false;
}

static bool is_vm_request(uint32_t cmd)
{
	return is_one_of(cmd, vm_requests, sizeof(vm_requests) / sizeof(vm_requests[0]));
}

static bool is_vcpu_request(uint32_t cmd)
{
	return is_one_of(cmd, vcpu_requests, sizeof(vcpu_requests) / sizeof(vcpu_requests[0]));
}

struct s2_cpu *s2_replay_cpu(struct s2_replay *r, const struct s2_trace_event *ev)
{
	return s2_machine_cpu(r->machine, ev->cpu);
}

/* Requests of KVM all have this type; others say nothing about VMs. */
static bool is_kvm_request(uint32_t cmd)
{
	return (cmd >> 8 & 0xff) == 0xae;
}

/* ---- processes and fds ---- */

static struct replay_fd *find_fd(const struct replay_process *p, uint32_t fd)
{
	for (struct replay_fd *f = p->fds; f; f = f->next)
		if (f->fd == fd)
			return f;
	return NULL;
}

static struct replay_fd *add_fd(struct replay_process *p, uint32_t fd, enum fd_kind kind)
{
	struct replay_fd *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->fd = fd;
	f->kind = kind;
	f->runner = -1;
	f->next = p->fds;
	p->fds = f;
	return f;
}

static struct replay_process *add_process(struct s2_replay *r, int32_t tgid, int32_t owner)
{
	struct replay_process *p = calloc(1, sizeof(*p));

	/* For who asks which process it is, none would be an answer. */
	r->oom |= !p;
	if (!p)
		return NULL;
	p->tgid = tgid;
	p->owner = owner;
	p->next = r->processes;
	r->processes = p;
	return p;
}

static struct replay_process *process_of_tgid(struct s2_replay *r, int32_t tgid)
{
	for (struct replay_process *p = r->processes; p; p = p->next)
		if (p->tgid == tgid)
			return p;
	return NULL;
}

/* Whether @t's request can be one of process @p: the fd is known there as what the request wants. */
static bool could_be_of(const struct replay_process *p, const struct replay_task *t,
			const struct s2_trace_event *ev)
{
	const struct replay_fd *f = find_fd(p, ev->u.ioctl.fd);

	if (is_vcpu_request(ev->u.ioctl.cmd))
		return f && f->kind == FD_VCPU && (f->runner < 0 || f->runner == t->pid);
	return f && f->kind == FD_VM;
}

/*
 * A thread whose process the log does not tell: it is of the only process
 * there is, or of the only one whose fds fit its request.
 */
static struct replay_process *guess_process(struct s2_replay *r, const struct replay_task *t,
					    const struct s2_trace_event *ev)
{
	struct replay_process *fit = NULL;

	if (!is_vm_request(ev->u.ioctl.cmd) && !is_vcpu_request(ev->u.ioctl.cmd))
		return NULL;
	if (r->processes && !r->processes->next)
		return r->processes;
	for (struct replay_process *p = r->processes; p; p = p->next) {
		if (!could_be_of(p, t, ev))
			continue;
		if (fit)
			return NULL;
		fit = p;
	}
	return fit;
}

static struct replay_process *find_process(struct s2_replay *r, const struct replay_task *t,
					   const struct s2_trace_event *ev)
{
	struct replay_process *p = t->process;

	if (p)
		return p;
	if (ev->tgid >= 0) {
		p = process_of_tgid(r, ev->tgid);
		return p ? p : add_process(r, ev->tgid, t->pid);
	}
	if (ev->u.ioctl.cmd == KVM_CREATE_VM)
		return add_process(r, -1, t->pid);
	p = guess_process(r, t, ev);
	/* A log that starts in the middle of a life. */
	if (!p && !r->processes && is_vcpu_request(ev->u.ioctl.cmd))
		p = add_process(r, -1, t->pid);
	return p;
}

/* ---- VMs and vcpus ---- */

static int replay_make_vm(struct s2_replay *r, struct replay_vm *vm, unsigned log_ipa_bits)
{
	const struct s2_vm_config cfg = {
		.flavour = r->cfg.flavour,
		.ipa_bits = r->cfg.ipa_bits ? r->cfg.ipa_bits : log_ipa_bits,
		.vmids = r->vmids,
	};
	int ret = s2_vm_create(r->machine, &cfg, &vm->vm);

	if (ret == -ENOMEM)
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, ret, "out of memory for a VM");
	if (ret)
		return s2_replay_fail(r, S2_REPLAY_ERR_VM, -EINVAL,
				      "a VM of %u IPA bits does not fit machine %s (%u PA bits); "
				      "--ipa-bits overrides",
				      cfg.ipa_bits, r->cfg.features.name, r->cfg.features.pa_bits);
	vm->mmu = s2_vm_mmu(vm->vm);
	s2_mmu_watch_flushes(vm->mmu, s2_replay_predict, r);
	return 0;
}

static void free_vm(struct replay_vm *vm)
{
	struct replay_vcpu *v, *next_v;
	struct replay_slot *s, *next_s;

	for (v = vm->vcpus; v; v = next_v) {
		next_v = v->next;
		free(v);
	}
	for (s = vm->slots; s; s = next_s) {
		next_s = s->next;
		free(s);
	}
	s2_vm_free(vm->vm);
	free(vm);
}

static int add_vm(struct s2_replay *r, struct replay_process *p, unsigned ipa_bits,
		  struct replay_vm **out)
{
	struct replay_vm *vm = calloc(1, sizeof(*vm));
	int ret;

	if (!vm)
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, -ENOMEM, "out of memory for a VM");
	ret = replay_make_vm(r, vm, ipa_bits);
	if (ret) {
		free_vm(vm);
		return ret;
	}
	vm->process = p;
	vm->number = ++r->vms_made;
	vm->next = r->vms;
	r->vms = vm;
	r->n_vms++;
	*out = vm;
	return 0;
}

int s2_replay_assumed_vm(struct s2_replay *r, struct replay_process *p, struct replay_vm **out)
{
	struct replay_vm *vm = NULL;
	int ret = add_vm(r, p, S2_DEFAULT_IPA_BITS, &vm);

	if (!vm)
		return ret;
	*out = vm;
	s2_replay_infer(r,
			"VM %" PRIu64 " was created before the log begins: empty tables and "
			"%u IPA bits taken; calls for what it had mapped are not predicted",
			vm->number, (unsigned)s2_mmu_geometry(vm->mmu)->ipa_bits);
	return 0;
}

int s2_replay_plain_vm(struct s2_replay *r, struct replay_task *t, struct replay_vm **out)
{
	if (!t->process)
		t->process = add_process(r, -1, t->pid);
	if (!t->process)
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, -ENOMEM, "out of memory for a VM");
	return s2_replay_assumed_vm(r, t->process, out);
}

static int vcpu_failed(struct s2_replay *r, int ret)
{
	if (ret == -ENOMEM)
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, ret, "out of memory for a vcpu");
	return s2_replay_fail(r, S2_REPLAY_ERR_VM, -EINVAL, "a VM with more than %d vcpus",
			      S2_MAX_VCPUS);
}

int s2_replay_add_vcpu(struct s2_replay *r, struct replay_vm *vm, struct replay_vcpu **out)
{
	struct replay_vcpu *v = calloc(1, sizeof(*v));
	int index = v ? s2_vm_add_vcpu(vm->vm) : -ENOMEM;

	if (index < 0) {
		free(v);
		return vcpu_failed(r, index);
	}
	v->vcpu = s2_vm_vcpu(vm->vm, index);
	v->vm = vm;
	v->cpu = -1;
	v->next = vm->vcpus;
	vm->vcpus = v;
	*out = v;
	return 0;
}

static void forget_fds(struct replay_process *p, const struct replay_vm *vm)
{
	struct replay_fd **link = &p->fds;

	while (*link) {
		struct replay_fd *f = *link;

		/* fds of devices and eventfds die with the VM too, unseen. */
		if (f->vm == vm || f->kind == FD_OTHER) {
			*link = f->next;
			free(f);
		} else {
			link = &f->next;
		}
	}
	if (p->pending_vcpu_vm == vm)
		p->pending_vcpus = 0;
}

static bool has_slot(const struct replay_vm *vm, const struct replay_slot *slot)
{
	for (const struct replay_slot *s = vm->slots; s; s = s->next)
		if (s == slot)
			return true;
	return false;
}

static void forget_tasks_of(struct s2_replay *r, const struct replay_vm *vm)
{
	for (size_t i = 0; i < TASK_BUCKETS; i++) {
		for (struct replay_task *t = r->tasks[i]; t; t = t->next) {
			if (t->running && t->running->vm == vm)
				t->running = NULL;
			if (t->vcpu && t->vcpu->vm == vm)
				t->vcpu = NULL;
			if (t->ioctl_vm == vm) {
				t->ioctl_vm = NULL;
				t->clear_pending = false;
			}
			/* A line may name another VM than its task's ioctl is on. */
			if (has_slot(vm, t->clear_slot))
				t->clear_slot = NULL;
		}
	}
}

static void drop_process(struct s2_replay *r, struct replay_process *gone);

static bool has_vm(const struct s2_replay *r, const struct replay_process *p)
{
	for (const struct replay_vm *vm = r->vms; vm; vm = vm->next)
		if (vm->process == p)
			return true;
	return p->pending_ipa_bits != 0;
}

void s2_replay_vm_gone(struct s2_replay *r, struct replay_vm *vm)
{
	struct replay_vm **link = &r->vms;
	struct replay_process *p = vm->process;

	while (*link != vm)
		link = &(*link)->next;
	*link = vm->next;
	r->n_vms--;
	forget_fds(p, vm);
	forget_tasks_of(r, vm);
	s2_replay_unload_all(r, vm);
	free_vm(vm);
	if (!has_vm(r, p))
		drop_process(r, p);
}

/* ---- tasks ---- */

static void free_process(struct replay_process *p)
{
	struct replay_fd *f, *next;

	for (f = p->fds; f; f = next) {
		next = f->next;
		free(f);
	}
	free(p);
}

/* Nothing of an idle task is worth keeping: it is made again when seen again. */
static bool task_is_idle(const struct replay_task *t)
{
	return !t->running && !t->ioctl_vm && !t->fault_pending &&
	       t->predicted.head == t->predicted.len && t->observed.head == t->observed.len;
}

static void free_task(struct s2_replay *r, struct replay_task *t)
{
	s2_replay_free_calls(t);
	free(t);
	r->n_tasks--;
}

/* A process without VMs starts afresh: its tasks and fds are forgotten with it. */
static void drop_process(struct s2_replay *r, struct replay_process *gone)
{
	struct replay_process **link = &r->processes;

	for (size_t i = 0; i < TASK_BUCKETS; i++) {
		struct replay_task **task = &r->tasks[i];

		while (*task) {
			struct replay_task *t = *task;

			if (t->process == gone)
				t->process = NULL;
			if (!t->process && t != r->current && task_is_idle(t)) {
				*task = t->next;
				free_task(r, t);
			} else {
				task = &t->next;
			}
		}
	}
	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
	free_process(gone);
}

struct replay_task *s2_replay_task(struct s2_replay *r, const struct s2_trace_event *ev)
{
	struct replay_task **bucket = &r->tasks[(uint32_t)ev->pid % TASK_BUCKETS];
	struct replay_task *t;

	for (t = *bucket; t; t = t->next)
		if (t->pid == ev->pid)
			return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->pid = ev->pid;
	t->next = *bucket;
	*bucket = t;
	r->n_tasks++;
	return t;
}

void s2_replay_free_host(struct s2_replay *r)
{
	struct replay_process *p, *next_p;
	struct replay_vm *vm, *next_vm;

	for (size_t i = 0; i < TASK_BUCKETS; i++) {
		while (r->tasks[i]) {
			struct replay_task *t = r->tasks[i];

			r->tasks[i] = t->next;
			free_task(r, t);
		}
	}
	for (vm = r->vms; vm; vm = next_vm) {
		next_vm = vm->next;
		free_vm(vm);
	}
	for (p = r->processes; p; p = next_p) {
		next_p = p->next;
		free_process(p);
	}
	s2_vmids_free(r->vmids);
	free(r->loaded);
}

/* ---- ioctls ---- */

/* The next unknown fd that is used as a VM is the VM created before. */
static int resolve_vm(struct s2_replay *r, struct replay_process *p, struct replay_fd *f)
{
	struct replay_vm *vm = NULL;
	int ret = add_vm(r, p, (unsigned)p->pending_ipa_bits, &vm);

	if (ret)
		return ret;
	p->pending_ipa_bits = 0;
	f->kind = FD_VM;
	f->vm = vm;
	return 0;
}

static int resolve_vcpu(struct s2_replay *r, struct replay_process *p, struct replay_fd *f)
{
	struct replay_vm *vm = p->pending_vcpus ? p->pending_vcpu_vm : NULL;
	int ret = 0;

	if (vm)
		p->pending_vcpus--;
	else if (r->n_vms == 1 && r->vms->process == p)
		vm = r->vms;
	else if (r->n_vms == 0)
		ret = s2_replay_assumed_vm(r, p, &vm);
	if (ret || !vm)
		return ret;
	ret = s2_replay_add_vcpu(r, vm, &f->vcpu);
	if (ret)
		return ret;
	f->kind = FD_VCPU;
	f->vm = vm;
	return 0;
}

static int classify_fd(struct s2_replay *r, struct replay_process *p, struct replay_fd *f,
		       uint32_t cmd)
{
	if (f->kind != FD_OTHER)
		return 0;
	if (p->pending_ipa_bits && (is_vm_request(cmd) || cmd == KVM_CHECK_EXTENSION))
		return resolve_vm(r, p, f);
	if (is_vcpu_request(cmd))
		return resolve_vcpu(r, p, f);
	return 0;
}

static int check_ipa_bits(struct s2_replay *r, uint64_t arg, uint64_t *bits)
{
	*bits = arg & 0xff ? arg & 0xff : S2_DEFAULT_IPA_BITS;
	if (arg > 0xff || *bits < 32 || *bits > 52)
		return s2_replay_fail(
			r, S2_REPLAY_ERR_VM, -EINVAL,
			"KVM_CREATE_VM: expected 0 or 32 to 52 IPA bits, found 0x%" PRIx64, arg);
	return 0;
}

static int create_vm(struct s2_replay *r, struct replay_process *p, const struct s2_trace_event *ev)
{
	struct replay_fd *f;
	uint64_t bits;
	int ret = check_ipa_bits(r, ev->u.ioctl.arg, &bits);

	if (ret)
		return ret;
	f = find_fd(p, ev->u.ioctl.fd);
	if (!f)
		f = add_fd(p, ev->u.ioctl.fd, FD_SYSTEM);
	if (!f)
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, -ENOMEM, "out of memory for an fd");
	f->kind = FD_SYSTEM;
	p->pending_ipa_bits = bits;
	return 1;
}

static int enter_ioctl(struct s2_replay *r, struct replay_task *t, struct replay_fd *f,
		       const struct s2_trace_event *ev)
{
	t->ioctl_vm = f->vm;
	if (f->kind != FD_VCPU)
		return 0;
	if (ev->u.ioctl.cmd == KVM_RUN) {
		t->running = f->vcpu;
		f->runner = t->pid;
	}
	if (ev->u.ioctl.cmd != KVM_ARM_VCPU_INIT)
		return 0;
	s2_replay_unload(r, f->vcpu);
	return s2_vcpu_reset(f->vcpu->vcpu, s2_replay_cpu(r, ev));
}

int s2_replay_ioctl(struct s2_replay *r, struct replay_task *t, const struct s2_trace_event *ev)
{
	uint32_t cmd = ev->u.ioctl.cmd;
	struct replay_process *p;
	struct replay_fd *f;
	int ret;

	if (!is_kvm_request(cmd))
		return 0;
	p = find_process(r, t, ev);
	if (!p && (is_vm_request(cmd) || is_vcpu_request(cmd)))
		s2_replay_unplaced(r, S2_TRACE_SYS_IOCTL);
	if (!p)
		return 0;
	t->process = p;
	if (cmd == KVM_CREATE_VM)
		return create_vm(r, p, ev);
	f = find_fd(p, ev->u.ioctl.fd);
	if (!f)
		f = add_fd(p, ev->u.ioctl.fd, FD_OTHER);
	if (!f)
		return s2_replay_fail(r, S2_REPLAY_ERR_MEMORY, -ENOMEM, "out of memory for an fd");
	ret = classify_fd(r, p, f, cmd);
	if (ret)
		return ret;
	ret = enter_ioctl(r, t, f, ev);
	if (ret)
		return ret;
	if (cmd == KVM_CREATE_VCPU && f->kind == FD_VM) {
		p->pending_vcpus++;
		p->pending_vcpu_vm = f->vm;
	}
	return is_vm_request(cmd) || is_vcpu_request(cmd);
}
