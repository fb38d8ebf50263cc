// SPDX-License-Identifier: MIT
/*
 * What KVM calls beside the work on stage 2 and what has no part in it: interrupts,
 * timers, counters, debugging, floating point, the host's own bookkeeping.  Each does
 * nothing, and says so by 0.  What is not here, and nowhere else, stops by its name.
 *
 * No kernel header, since prototypes differ and nothing is taken from them.
 */
#define NOTHING(name)          \
	long name(void);       \
	long name(void)        \
	{                      \
		return 0;      \
	}

/* CPU hotplug, reboot, modules */
NOTHING(__cpuhp_setup_state)
NOTHING(__cpuhp_remove_state)
NOTHING(register_reboot_notifier)
NOTHING(unregister_reboot_notifier)
NOTHING(register_syscore)
NOTHING(register_syscore_ops)
NOTHING(unregister_syscore)
NOTHING(unregister_syscore_ops)
NOTHING(on_each_cpu_cond_mask)
NOTHING(smp_call_function_single)
NOTHING(preempt_notifier_inc)
NOTHING(preempt_notifier_dec)
NOTHING(preempt_notifier_register)
NOTHING(preempt_notifier_unregister)
NOTHING(single_task_running)
NOTHING(__mmdrop)
NOTHING(put_pid)
NOTHING(__init_swait_queue_head)
NOTHING(mod_node_page_state)
NOTHING(mark_page_accessed)
/* uevents */
NOTHING(kobject_uevent_env)
NOTHING(add_uevent_var)
NOTHING(kasprintf)
/* 6.1's kvm_arch_init(), of which tree_kvm_boot() does what stage 2 needs; EL2's own mappings */
NOTHING(kvm_arch_init)
NOTHING(kvm_share_hyp)
NOTHING(kvm_unshare_hyp)
/* other files of virt/kvm */
NOTHING(kvm_irqfd_init)
NOTHING(kvm_irqfd_exit)
NOTHING(kvm_irqfd_release)
NOTHING(kvm_eventfd_init)
NOTHING(kvm_init_irq_routing)
NOTHING(kvm_free_irq_routing)
NOTHING(kvm_coalesced_mmio_init)
NOTHING(kvm_coalesced_mmio_free)
NOTHING(kvm_vfio_ops_init)
NOTHING(kvm_vfio_ops_exit)
/* the vGIC, timers, counters */
NOTHING(kvm_vgic_early_init)
NOTHING(kvm_vgic_destroy)
NOTHING(kvm_vgic_vcpu_init)
NOTHING(kvm_vgic_vcpu_destroy)
NOTHING(kvm_vgic_load)
NOTHING(kvm_vgic_put)
NOTHING(kvm_timer_init_vm)
NOTHING(kvm_timer_vcpu_init)
NOTHING(kvm_timer_vcpu_terminate)
NOTHING(kvm_timer_vcpu_load)
NOTHING(kvm_timer_vcpu_put)
NOTHING(kvm_timer_vcpu_reset)
/* the rest of a vcpu */
NOTHING(kvm_arm_init_hypercalls)
NOTHING(kvm_arm_teardown_hypercalls)
NOTHING(kvm_arm_reset_debug_ptr)
NOTHING(kvm_arm_vcpu_init_debug)
NOTHING(kvm_sys_regs_create_debugfs)
NOTHING(kvm_reset_sys_regs)
NOTHING(kvm_arch_vcpu_load_fp)
NOTHING(kvm_arch_vcpu_put_fp)
NOTHING(kvm_arch_vcpu_load_debug_state_flags)
NOTHING(kvm_arch_vcpu_put_debug_state_flags)
NOTHING(kvm_vcpu_unshare_task_fp)
NOTHING(kvm_vcpu_load_sysregs_vhe)
NOTHING(kvm_vcpu_put_sysregs_vhe)
NOTHING(arm64_get_spectre_v2_state)
NOTHING(arm64_get_meltdown_state)
/* pKVM, which is off */
NOTHING(pkvm_init_host_vm)
NOTHING(pkvm_destroy_hyp_vm)
