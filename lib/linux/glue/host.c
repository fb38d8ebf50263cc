// SPDX-License-Identifier: MIT
/* The host around KVM: locks, SRCU, files, threads, what a CPU's registers say. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/miscdevice.h>
#include <linux/mmu_notifier.h>
#include <linux/rcuwait.h>

#include "host.h"
#include "tree_probe.h"
#include "vm_requests.h"

/* ---- locks: one CPU runs at a time, so who finds one taken waits for ever ---- */

#define MAX_HELD 16

static struct {
	const void *lock;
	bool shared;
} held[MAX_HELD];
static unsigned int n_held;

static void take(const void *lock, bool shared)
{
	for (unsigned int i = 0; i < n_held; i++)
		if (held[i].lock == lock && !(shared && held[i].shared))
			s2k_stop("a lock that is held is taken", __func__, 0);
	if (n_held == MAX_HELD)
		s2k_stop("too many locks", __func__, 0);
	held[n_held].lock = lock;
	held[n_held++].shared = shared;
}

static void drop(const void *lock)
{
	unsigned int i = n_held;

	while (i && held[i - 1].lock != lock)
		i--;
	if (!i)
		s2k_stop("a lock that is not held is dropped", __func__, 0);
	for (n_held--; i <= n_held; i++)
		held[i - 1] = held[i];
}

void tree_locks_over(void)
{
	if (n_held)
		s2k_stop("a lock is held at the end of a request", __func__, 0);
}

void __mutex_init(struct mutex *l, const char *name, struct lock_class_key *key)
{
}

void mutex_lock(struct mutex *l)
{
	take(l, false);
}

int mutex_lock_killable(struct mutex *l)
{
	take(l, false);
	return 0;
}

int mutex_trylock(struct mutex *l)
{
	take(l, false);
	return 1;
}

void mutex_unlock(struct mutex *l)
{
	drop(l);
}

void _raw_spin_lock(raw_spinlock_t *l)
{
	take(l, false);
}

void _raw_spin_lock_irq(raw_spinlock_t *l)
{
	take(l, false);
}

unsigned long _raw_spin_lock_irqsave(raw_spinlock_t *l)
{
	take(l, false);
	return 0;
}

void _raw_spin_unlock(raw_spinlock_t *l)
{
	drop(l);
}

void _raw_spin_unlock_irq(raw_spinlock_t *l)
{
	drop(l);
}

void _raw_spin_unlock_irqrestore(raw_spinlock_t *l, unsigned long flags)
{
	drop(l);
}

void down_read(struct rw_semaphore *s)
{
	take(s, true);
}

void up_read(struct rw_semaphore *s)
{
	drop(s);
}

/* The only rwlock that there is here is a VM's mmu_lock. */
void _raw_read_lock(rwlock_t *l)
{
	take(l, true);
}

void _raw_read_unlock(rwlock_t *l)
{
	drop(l);
}

void _raw_write_lock(rwlock_t *l)
{
	take(l, false);
	s2k_mmu_lock(TREE_LOCKED);
}

void _raw_write_unlock(rwlock_t *l)
{
	drop(l);
	s2k_mmu_lock(TREE_UNLOCKED);
}

int __cond_resched_rwlock_write(rwlock_t *l)
{
	s2k_mmu_lock(TREE_OFFERED);
	return 0;
}

int __cond_resched(void)
{
	s2k_mmu_lock(TREE_RESCHED);
	return 0;
}

/* ---- SRCU, waiting ---- */

static int srcu_readers;

int init_srcu_struct(struct srcu_struct *s)
{
	return 0;
}

void cleanup_srcu_struct(struct srcu_struct *s)
{
}

int __srcu_read_lock(struct srcu_struct *s)
{
	srcu_readers++;
	return 0;
}

void __srcu_read_unlock(struct srcu_struct *s, int idx)
{
	srcu_readers--;
}

void synchronize_srcu_expedited(struct srcu_struct *s)
{
	if (srcu_readers)
		s2k_stop("SRCU: waits for itself", __func__, 0);
}

void finish_rcuwait(struct rcuwait *w)
{
}

int rcuwait_wake_up(struct rcuwait *w)
{
	return 0;
}

void tree_host_abandon(void)
{
	n_held = 0;
	srcu_readers = 0;
}

/* ---- files ---- */

static const struct file_operations *dev_kvm;
static struct file *last_file;

const struct file_operations *tree_dev_kvm(void)
{
	return dev_kvm;
}

struct file *tree_last_file(void)
{
	return last_file;
}

int misc_register(struct miscdevice *misc)
{
	dev_kvm = misc->fops;
	return 0;
}

struct file *anon_inode_getfile(const char *name, const struct file_operations *fops, void *priv,
				int flags)
{
	struct file *file = s2k_zalloc(sizeof(*file));

	if (!file)
		return ERR_PTR(-ENOMEM);
	file->f_op = fops;
	file->private_data = priv;
	last_file = file;
	return file;
}

/* A number that is as good as any: whoever opened it takes tree_last_file(). */
int get_unused_fd_flags(unsigned int flags)
{
	return 3;
}

void put_unused_fd(unsigned int fd)
{
}

void fd_install(unsigned int fd, struct file *file)
{
}

int anon_inode_getfd(const char *name, const struct file_operations *fops, void *priv, int flags)
{
	struct file *file = anon_inode_getfile(name, fops, priv, flags);

	return IS_ERR(file) ? PTR_ERR(file) : get_unused_fd_flags(0);
}

/* ---- text ---- */

int _printk(const char *text, ...)
{
	return 0;
}

void __warn_printk(const char *text, ...)
{
}

int snprintf(char *to, size_t size, const char *format, ...)
{
	if (size)
		*to = 0;
	return 0;
}

/* ---- what boot finds ---- */

struct task_struct *s2k_current;
static u64 mmfr0, mmfr1;

void tree_id_registers(u64 id_aa64mmfr0, u64 id_aa64mmfr1)
{
	mmfr0 = id_aa64mmfr0;
	mmfr1 = id_aa64mmfr1;
}

u64 read_sanitised_ftr_reg(u32 id)
{
	return id == SYS_ID_AA64MMFR0_EL1 ? mmfr0 : id == SYS_ID_AA64MMFR1_EL1 ? mmfr1 : 0;
}

struct cpumask __cpu_possible_mask, __cpu_online_mask;
unsigned int nr_cpu_ids;
atomic_t __num_online_cpus;

void tree_cpus_up(unsigned int cpus)
{
	nr_cpu_ids = cpus;
	atomic_set(&__num_online_cpus, cpus);
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		cpumask_set_cpu(cpu, &__cpu_possible_mask);
		cpumask_set_cpu(cpu, &__cpu_online_mask);
	}
}
