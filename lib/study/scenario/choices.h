/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One choice of a flavour by name: "toggle=vcpu0", "unmap=range".
 */
#ifndef S2_STUDY_SCENARIO_CHOICES_H
#define S2_STUDY_SCENARIO_CHOICES_H

#include <stddef.h>

#include <stage2sim/flavour.h>

/** Makes choice @p text in @p flavour. @return 0; -ENOENT for none of that name */
int s2_choice_make(const char *text, struct s2_flavour *flavour);
/** Choice @p index from 0, or NULL past the last; those of one subject together. */
const char *s2_choice_at(size_t index);

/** Whether @p text is a choice of how SGIs are routed: "routing=" and a policy's name. */
bool s2_choice_is_routing(const char *text);
/** Whether it is one of what a vcpu's context reloads: "context=" and a policy's name. */
bool s2_choice_is_context(const char *text);

#endif
