// SPDX-License-Identifier: MIT
/* In place of vm.c where the tree gets stage 1: who asks whether there is a VM is told no. */
#define NOTHING(name)          \
	long name(void);       \
	long name(void)        \
	{                      \
		return 0;      \
	}

NOTHING(tree_has_vm)
NOTHING(tree_host_abandon)
NOTHING(tree_locks_over)
NOTHING(tree_kvm_boot)
NOTHING(tree_kvm_create)
NOTHING(tree_kvm_close)
NOTHING(tree_kvm_registers)
NOTHING(tree_kvm_manual_protect)
NOTHING(tree_kvm_split_chunk)
NOTHING(tree_kvm_slot)
NOTHING(tree_kvm_log_get)
NOTHING(tree_kvm_log_clear)
NOTHING(tree_kvm_log_peek)
NOTHING(tree_kvm_notify)
NOTHING(tree_kvm_age)
NOTHING(tree_kvm_test_age)
NOTHING(tree_kvm_release)
NOTHING(tree_vcpu_create)
NOTHING(tree_vcpu_init)
NOTHING(tree_vcpu_load)
NOTHING(tree_vcpu_put)
NOTHING(tree_vcpu_abort)
NOTHING(tree_vcpu_caches)
NOTHING(tree_vcpu_set_way)
NOTHING(tree_vcpu_tvm)
NOTHING(tree_vcpu_set_tvm)
NOTHING(tree_vcpu_caches_on)
NOTHING(tree_loads_stage2)
