# HiSilicon D05: the 2019 series on tearing down dying VMs.
#
# 64 GB mostly mapped took up to 12 s to tear down, 99 % of that in cache
# cleaning: 12 s x 0.99 / 2^30 lines of 64 bytes.  An upper bound, as "mostly"
# is taken for "all" of 64 GiB and "up to" for the time.
dc_civac = 11.1  # [teardown-2019] 12 s x 0.99 / 2^30 lines; a line's share of its DSB included
