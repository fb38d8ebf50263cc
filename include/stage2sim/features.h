/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the CPUs of a machine can do: presets and overrides.
 *
 * A feature here is one that changes which maintenance instructions a
 * hypervisor issues or what they do.  Presets are CPUs as a v6.12 host sees
 * them (counted under an emulator); an override changes one thing:
 * "max,-tlbirange,+repeat_tlbi,granule=16k".
 */
#ifndef STAGE2SIM_FEATURES_H
#define STAGE2SIM_FEATURES_H

#include <stage2sim/geometry.h>

S2_BEGIN_DECLS

/** Longest name of a machine, its terminator included. */
#define S2_MACHINE_NAME_MAX 96

/** The features of every CPU of a machine. */
struct s2_features {
	char name[S2_MACHINE_NAME_MAX]; /**< preset and overrides as given */
	enum s2_granule granule;        /**< the host's page size, so stage 2's */
	uint8_t pa_bits;                /**< ID_AA64MMFR0_EL1.PARange as KVM uses it */
	uint8_t vmid_bits;              /**< 8, or 16 with FEAT_VMID16 */
	uint8_t bbm_level;              /**< FEAT_BBM level, 0 to 2 */
	uint8_t dline_shift;            /**< log2 bytes, CTR_EL0.DminLine + 2 */
	uint8_t iline_shift;            /**< log2 bytes, CTR_EL0.IminLine + 2 */
	bool vhe;                       /**< the hypervisor runs at EL2 (FEAT_VHE in use) */
	bool fwb;                       /**< FEAT_S2FWB */
	bool tlbirange;                 /**< FEAT_TLBIRANGE */
	bool ttl;                       /**< FEAT_TTL */
	bool lpa2;                      /**< FEAT_LPA2, for 4 KiB and 16 KiB granules */
	bool xnx;                       /**< FEAT_XNX */
	bool dic;                       /**< CTR_EL0.DIC: no IC to the PoU needed */
	bool idc;                       /**< CTR_EL0.IDC: no DC to the PoU needed */
	bool haf;                       /**< FEAT_HAFDBS: the walker sets the access flag */
	bool vipt;                      /**< the I-cache is VIPT (aliasing), else PIPT */
	bool repeat_tlbi;               /**< erratum: TLBI sequences are repeated */
	bool speculative_at;            /**< erratum: walks with a half-switched context */
};

/** @return the name of preset @p index (from 0), or NULL past the last. */
S2_API const char *s2_features_preset_name(size_t index);

/** @return where what preset @p index has is from, a phrase, or NULL past the last. */
S2_API const char *s2_features_preset_source(size_t index);

/**
 * What @p f has, as overrides name it: "granule=4k pa=48 vmid=16 bbm=0 vhe fwb ...".
 * As snprintf(): @return the length that the whole has
 */
S2_API int s2_features_text(const struct s2_features *f, char *buf, size_t size) S2_NONNULL(1);

/** Whether @p f is what its name says: not for one that was changed after it was parsed. */
S2_API bool s2_features_is_named(const struct s2_features *f) S2_NONNULL(1);

/** @return 0, or -ENOENT if there is no preset @p name (or it is NULL); @p f then untouched. */
S2_API int s2_features_preset(const char *name, struct s2_features *f) S2_NONNULL(2);

/**
 * Reads "PRESET[,OVERRIDE]...".  An override is +NAME or -NAME for one of vhe
 * fwb tlbirange ttl lpa2 xnx dic idc haf vipt repeat_tlbi speculative_at, or
 * granule=4k|16k|64k, pa=BITS, vmid=8|16, bbm=0|1|2, dline=BYTES, iline=BYTES.
 * A granule of 64k takes LPA2 away, and -lpa2 the PA bits beyond 48.
 *
 * @param bad if not NULL, set on error to the offset of the word at fault
 * @return 0; -ENOENT for an unknown preset or feature, -EINVAL for a value
 *         out of range or a combination that no CPU has (LPA2 with a 64 KiB
 *         granule, over 48 bits of PA without LPA2 or 64 KiB), -ENAMETOOLONG.
 *         On error @p f is untouched.
 */
S2_API int s2_features_parse(const char *spec, struct s2_features *f, size_t *bad) S2_NONNULL(1, 2);

/** @return 0, or -EINVAL if a CPU cannot have these together, or the name has no end. */
S2_API int s2_features_check(const struct s2_features *f) S2_NONNULL(1);

S2_END_DECLS

#endif
