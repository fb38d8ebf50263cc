# Kunpeng 920, a VM of 32 vcpus, Linux 5.4: Xu Zhao's RFC v1 on the walk over all
# vcpus at each SGI.
vcpu_probe = 77  # [sgi-2023] IPI from core 0 to core 31 4238 -> 1838 ns, so 2400 ns for 31 probes
