# HiSilicon D06, a VM of 64 vcpus: Shameer Kolothum's test of the 2023 series
# "KVM: arm64: Accelerate lookup of vcpus by MPIDR values", in its thread.
vcpu_probe = 46  # [sgi-2023] IPI to the last vcpu 5309 -> 2413 ns, so 2896 ns for 63 probes
