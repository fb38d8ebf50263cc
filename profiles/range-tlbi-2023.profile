# The machine of the 2023 series on range TLBI for stage 2, which what was read
# of it does not name.  128 GB of 4 KiB pages are 33.5 M pages.
#
# These are costs of whole sequences: how a flush's 1490 ns divide among its 3
# DSBs, 2 TLBIs and the VMID switch is not known.
seq_flush_ipa = 1490       # [range-tlbi-2023] unmap 64.7 s -> 14.7 s when leaf flushes are deferred: 50.0 s / 33.5 M
seq_unmap_page_rest = 440  # [range-tlbi-2023] what remains of that unmap: 14.7 s / 33.5 M
