/* SPDX-License-Identifier: MIT */
/**
 * @file
 * GNU long options from a table: what there is, what it defaults to, what it
 * fills, and the help that tells people so.
 *
 *     {.name = "memory", .kind = S2_OPTION_SIZE, .arg = "SIZE", .value = "128G",
 *      .help = "the guest's memory", S2_FIELD(struct boot, memory)},
 *
 * A command line is read in two steps: s2_options_scan() finds which options
 * were given with which text, s2_options_apply() turns texts into values.  So
 * a size in pages can wait until the machine, and its page, is known; and a
 * sweep sets options again with the same checks that a user's texts meet.
 *
 * Texts are kept by pointer: tables and argv must outlive what is filled.
 */
#ifndef STAGE2SIM_STUDY_OPTIONS_H
#define STAGE2SIM_STUDY_OPTIONS_H

#include <stage2sim/types.h>

#include "study/base/error.h"

/** What an option's text means, and the type of the field that it fills. */
enum s2_option_kind {
	S2_OPTION_FLAG,	  /**< bool; --name and --no-name */
	S2_OPTION_U64,	  /**< uint64_t */
	S2_OPTION_SIZE,	  /**< uint64_t, bytes: "64G", "2M", "0x1000" */
	S2_OPTION_PAGES,  /**< uint64_t, bytes: a size, or "64p" for pages of the machine */
	S2_OPTION_REAL,	  /**< double, not negative */
	S2_OPTION_STRING, /**< const char * */
	S2_OPTION_CHOICE, /**< int, index in choices */
	S2_OPTION_LIST,	  /**< struct s2_option_list: choices in the order given, or "all" */
};

#define S2_OPTION_LIST_MAX 64

/** Indices in an option's choices; n is 0 where nothing was given. */
struct s2_option_list {
	size_t n;
	uint8_t at[S2_OPTION_LIST_MAX];
};

/** One option. */
struct s2_option {
	const char *name; /**< without dashes */
	enum s2_option_kind kind;
	char letter;		    /**< one-letter form, or 0 */
	bool apart;		    /**< not a part of the workload: not reported with it */
	size_t offset;		    /**< of the field; see S2_FIELD() */
	const char *arg;	    /**< what help calls the value: "N", "SIZE" */
	const char *value;	    /**< default as a user would write it; NULL: zero, none */
	const char *help;	    /**< a phrase, no full stop */
	const char *group;	    /**< heading in help; NULL: that of the option before */
	const char *const *choices; /**< CHOICE and LIST: names, NULL at the end */
	uint64_t min, max;	    /**< U64, SIZE, PAGES: bounds; max 0 is none */
};

/** Where option values go: field @p f of settings struct @p type. */
#define S2_FIELD(type, f) .offset = offsetof(type, f)

/**
 * A row of an option table: kind (the end of its name in enum s2_option_kind),
 * field (S2_FIELD), name, arg, default, help, and by name what else it has:
 *
 *     S2_ROW(SIZE, S2_FIELD(struct boot, memory), "memory", "SIZE", "128G",
 *            "the guest's memory", .min = 4096),
 */
#define S2_ROW(kind_, field_, name_, arg_, value_, ...)                                         \
	{                                                                                       \
		.name = name_, .kind = S2_OPTION_##kind_, field_, .arg = arg_, .value = value_, \
		.help = __VA_ARGS__                                                             \
	}

/** Options and the struct that they fill. */
struct s2_option_table {
	const struct s2_option *options;
	size_t n;
	void *settings;
	uint64_t page_size; /**< for PAGES; 0 where none is known */
};

/** An option found on a command line; text is NULL for a flag. */
struct s2_given {
	size_t table;
	const struct s2_option *option;
	const char *text;
	bool negated; /**< --no-name */
};

/** A command line taken apart. */
struct s2_command_line {
	struct s2_given *given; /**< in the order given */
	size_t n_given;
	const char **operands; /**< what is no option, in order */
	size_t n_operands;
};

/** Kinds of error, in s2_error.code. */
enum s2_options_code {
	S2_OPTIONS_OK,
	S2_OPTIONS_UNKNOWN,   /**< no such option */
	S2_OPTIONS_AMBIGUOUS, /**< an abbreviation of several */
	S2_OPTIONS_NO_VALUE,  /**< one that needs a value got none */
	S2_OPTIONS_UNWANTED,  /**< a flag got a value */
	S2_OPTIONS_VALUE,     /**< not of the form, or out of bounds */
	S2_OPTIONS_MEMORY,
};

/**
 * Takes @p argv (from argv[1]) apart by the options of @p n_tables tables;
 * unique abbreviations are taken, "--" ends the options, operands may come
 * between them.
 * @return 0 with @p line to be freed; -EINVAL or -ENOMEM with @p err set
 */
S2_API int s2_options_scan(const struct s2_option_table *tables, size_t n_tables, int argc,
			   char *const argv[], struct s2_command_line *line, struct s2_error *err);

S2_API void s2_command_line_free(struct s2_command_line *line);

/** Whether @p option was given. */
S2_API bool s2_options_given(const struct s2_command_line *line, const struct s2_option *option);

/** Sets every field of @p table to its default. @return 0 or -EINVAL */
S2_API int s2_options_defaults(const struct s2_option_table *table, struct s2_error *err);

/** Sets the fields that @p line gives for table number @p index. @return 0 or -EINVAL */
S2_API int s2_options_apply(const struct s2_option_table *table, size_t index,
			    const struct s2_command_line *line, struct s2_error *err);

/** The option called @p name, or NULL. */
S2_API const struct s2_option *s2_options_find(const struct s2_option_table *table,
					       const char *name);

/** Sets @p option's field from @p text. @return 0; -EINVAL with @p err set, field untouched */
S2_API int s2_option_set(const struct s2_option_table *table, const struct s2_option *option,
			 const char *text, struct s2_error *err);

/** An option's value, for reports. */
struct s2_value {
	enum s2_option_kind kind;
	uint64_t number;  /**< FLAG, U64, SIZE, PAGES */
	double real;	  /**< REAL */
	const char *text; /**< STRING, CHOICE; NULL for none */
};

S2_API struct s2_value s2_option_value(const struct s2_option_table *table,
				       const struct s2_option *option);

/** Writes @p value as a user would ("128G", "on"), cut to @p size; returns @p buf. */
S2_API const char *s2_value_text(const struct s2_value *value, char *buf, size_t size);

/** Writes the options of @p table, grouped, with their defaults, in 80 columns. */
S2_API void s2_options_help(const struct s2_option_table *table, FILE *out);

/** The only word of a command line that is answered by s2_options_list(); in no table, for shells. */
#define S2_OPTIONS_LIST "--list-options"

/**
 * Writes the options of @p table for a shell's completion, a line each, parted by tabs:
 * the option, what help calls its value, words that it may be (parted by blanks), its help.
 * @param axes what --sweep may sweep; may be NULL
 */
S2_API void s2_options_list(const struct s2_option_table *table, const struct s2_option_table *axes,
			    FILE *out);

/** Writes @p text from column @p column on, wrapped at @p width; ends the line. */
S2_API void s2_write_wrapped(FILE *out, const char *text, int column, int width);

#endif
