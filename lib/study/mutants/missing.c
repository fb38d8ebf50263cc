/* SPDX-License-Identifier: MIT */
/* What no mutant stands for: what takes two threads, and what cannot be expressed, with why. */
#include "study/mutants/named.h"

#define EXPLORER true

static const struct s2_mutant_missing rows[] = {
	{"losers of a race relax without a flush", "be097997a273", "two faults on one page", EXPLORER},
	{"a racing fault advances the PA and not the IPA", "1f0f4a2ef7a5", "two faults on one page",
	 EXPLORER},
	{"a fault maps by a VMA that has changed", "13ec9308a857", "a fault against an munmap()",
	 EXPLORER},
	{"a table is freed while a long walk has let go of the lock", "0c428a6a9256",
	 "a walk against a teardown", EXPLORER},
	{"a table is freed before all walks that may be in it have ended", NULL,
	 "a walk against a collapse", EXPLORER},
	{"a page is cleaned before the TLBI of its unmap", NULL,
	 "a guest that brings lines back between the two", EXPLORER},
	{"a page is cleaned after it is mapped", NULL, "a guest that reads between the two", EXPLORER},
	{"an entry becomes executable before the IC", NULL, "a guest that fetches between the two",
	 EXPLORER},
	{"a vcpu is made while the vGIC is", "07212d16adc7", "two ioctls", EXPLORER},
	{"locks in another order where redistributors go", "f616506754d3", "two ioctls", EXPLORER},
	{"teardown of the vGIC without its lock", "9eb18136af9f", "an ioctl against the end",
	 EXPLORER},

	{"walks in flight end under the new VMID", "7e1b2329c205",
	 "a walk here keeps the registers that it began with", false},
	{"no ISB after VTTBR_EL2 is put back", "ed49fe5a6fb9",
	 "the host's own stage 2, which the next TLBI is about, is off here", false},
	{"stage-2 blocks of another size than the host's, on 64K", "a patch of 2020",
	 "one host page size is all that a slot has here", false},
	{"a reference more for each update; a table that is never freed", "5c646b7e1d8b",
	 "a leak: nobody reads what is not freed", false},
	{"teardown that returns early", "a report of February 2026",
	 "a leak: nobody reads what is not freed", false},
	{"a range operand of NUM 31 for NUM -1", "v1 of e3ba51ab24fd",
	 "invalidates more than is asked: sound, and dear", false},
	{"the first page of a range is aged, and no other", "df6556adf27b",
	 "an access flag that is too young is sound; flavours have it (age_first_entry)", false},
	{"stale instructions after a change of vcpus", "01dc9262ff57",
	 "what an I-cache holds is not judged", false},
	{"broadcast TLBIs that complete early", "CVE-2025-10263",
	 "TLBIs complete as the architecture has it; only the workaround is counted", false},
	{"a break-before-make rule with the access flag's polarity reversed", "casemate 3.0.2",
	 "a checker's bug: ours are held against both polarities", false},

	{"last-ran told by ids, which are out of order", "5f4bd815ec71",
	 "vcpus are known by their index alone here", false},
	{"a GICv2 CPU number as an index", "4e7728c81a54", "GICv2 is refused", false},
	{"GICv2 SGI bits of ISPENDR0 that take writes", "82e40f558de5", "GICv2 is refused", false},
	{"SGIs pending by target alone, not by source", "hvisor 282", "GICv2 is refused", false},
	{"an ITS collection's target as an index", "d455d366c451", "an ITS is refused", false},
	{"the pending table's last byte, cached by another unit", "ca185b260951", "an ITS is refused",
	 false},
	{"a GICv4.1 context where there is no ITS", "2291ff2f2a56", "an ITS is refused", false},
	{"vLPIs and vSGIs handled as one", "c652887a9288", "an ITS is refused", false},
	{"an SGI register written without a vGIC", "CVE-2024-46707, 3e6245ebe7ef",
	 "a sender is a vcpu of a vGIC here: the call cannot be made", false},
	{"an attribute of a vcpu that is not there", "6ddb4f372fc6",
	 "a call here returns an error, and has no pointer to misuse", false},
	{"a sort that compares an element with itself", "d4a8061a7c5f",
	 "locks are counted here: it would not hang", false},
	{"an early access to what is not initialised", "b3aa9283c0c5",
	 "calls before s2_vgic_init() are refused here", false},
	{"a number of SPIs without a limit", "bea2ef803ade", "the call is refused here", false},
	{"an unwinding loop that counts below 0", "a patch in review",
	 "memory that is not there is AddressSanitizer's to find", false},
	{"IGROUPR that cannot be written in revision 1", "d53c2c29ae0d",
	 "revision 1 is refused", false},
};

const struct s2_mutant_missing *s2_mutant_missing_at(size_t index)
{
	return index < sizeof(rows) / sizeof(rows[0]) ? &rows[index] : NULL;
}
