/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a guest does at an address: the one word that the hardware's walker
 * and the hypervisor's fault path share.
 */
#ifndef STAGE2SIM_ACCESS_H
#define STAGE2SIM_ACCESS_H

/** A kind of access, as a fault reports it. */
enum s2_access {
	S2_ACCESS_READ,  /**< a load */
	S2_ACCESS_WRITE, /**< a store */
	S2_ACCESS_FETCH, /**< an instruction fetch */
};

#endif
