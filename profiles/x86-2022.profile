# The x86 host of the 2022 thread on kvm_init_mmu and SMM.
seq_mmu_init = 60  # [context-2022] 36 us over more than 600 calls: an upper bound on a call's constant part
