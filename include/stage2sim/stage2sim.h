/* SPDX-License-Identifier: MIT */
/**
 * @file
 * All of the public headers at once.
 *
 * In alphabetical order, as in meson.build; a test compares the two lists.
 */
#ifndef STAGE2SIM_STAGE2SIM_H
#define STAGE2SIM_STAGE2SIM_H

#include <stage2sim/access.h>
#include <stage2sim/act.h>
#include <stage2sim/bug.h>
#include <stage2sim/context_check.h>
#include <stage2sim/explore.h>
#include <stage2sim/features.h>
#include <stage2sim/field.h>
#include <stage2sim/flavour.h>
#include <stage2sim/foreign.h>
#include <stage2sim/gate.h>
#include <stage2sim/geometry.h>
#include <stage2sim/gic.h>
#include <stage2sim/ich.h>
#include <stage2sim/insn.h>
#include <stage2sim/interrupt_check.h>
#include <stage2sim/log.h>
#include <stage2sim/machine.h>
#include <stage2sim/memory.h>
#include <stage2sim/mmu.h>
#include <stage2sim/mpidr.h>
#include <stage2sim/op.h>
#include <stage2sim/oracle.h>
#include <stage2sim/pgtable.h>
#include <stage2sim/physics.h>
#include <stage2sim/psci.h>
#include <stage2sim/pte.h>
#include <stage2sim/reliance.h>
#include <stage2sim/residue.h>
#include <stage2sim/routing.h>
#include <stage2sim/sgi.h>
#include <stage2sim/stage2_context.h>
#include <stage2sim/story.h>
#include <stage2sim/tlb.h>
#include <stage2sim/tlbi.h>
#include <stage2sim/types.h>
#include <stage2sim/vgic.h>
#include <stage2sim/vm.h>
#include <stage2sim/x86_context.h>

#endif
