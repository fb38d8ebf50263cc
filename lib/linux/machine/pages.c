/* SPDX-License-Identifier: MIT */
/* Table pages: a window of address space, which is the kernel's linear map of them. */
#include "linux/machine/running.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_SHIFT 12
#define PAGE_BYTES (UINT64_C(1) << PAGE_SHIFT)
#define N_PAGES	   (S2_TREE_TABLES_SIZE >> PAGE_SHIFT)
/* Past the window, in the same linear map: glue/host_mm.c. */
#define HOST_TABLES (4 * PAGE_BYTES)
/* struct page of all that can be a guest's. */
#define VMEMMAP_BYTES ((UINT64_C(1) << (S2_FOREIGN_PA_BITS - PAGE_SHIFT)) * 64)
/* A page that is no table, and not free; one that was given back. */
#define RESERVED UINT16_MAX
#define FREED	 (UINT16_MAX - 1)
/* What a freed page holds: neither an entry that is valid, nor one that is locked. */
#define POISON UINT64_C(0x5a5a5a5a5a5a5a5a)

unsigned long s2k_tables, s2k_tables_size;
unsigned long s2k_linear;
unsigned long s2k_vmemmap;

/* Address space alone: memory comes with the first touch. */
static void *reserve(uint64_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

int s2_tree_pages_up(struct s2_tree *tree)
{
	const struct s2_features *f = s2_machine_features(tree->machine);
	int ret;

	const unsigned bits = f->pa_bits < S2_FOREIGN_PA_BITS ? f->pa_bits : S2_FOREIGN_PA_BITS;

	if (S2_TREE_TABLES_SIZE > UINT64_C(1) << (bits - 1))
		return -EOPNOTSUPP;
	tree->tables = (UINT64_C(1) << bits) - S2_TREE_TABLES_SIZE;
	tree->window = reserve(S2_TREE_TABLES_SIZE + HOST_TABLES);
	tree->vmemmap = reserve(VMEMMAP_BYTES);
	tree->refs = reserve(N_PAGES * sizeof(*tree->refs));
	tree->next_free = reserve(N_PAGES * sizeof(*tree->next_free));
	ret = tree->window && tree->refs && tree->next_free && tree->vmemmap ? 0 : -ENOMEM;
	if (!ret)
		ret = s2_foreign_create_in(tree->machine, s2_pa(tree->tables), tree->window,
					   S2_TREE_TABLES_SIZE, &tree->foreign);
	if (ret)
		s2_tree_pages_down(tree);
	return ret;
}

void s2_tree_pages_down(struct s2_tree *tree)
{
	s2_foreign_destroy(tree->foreign);
	if (tree->refs)
		munmap(tree->refs, N_PAGES * sizeof(*tree->refs));
	if (tree->next_free)
		munmap(tree->next_free, N_PAGES * sizeof(*tree->next_free));
	if (tree->shadow)
		munmap(tree->shadow, S2_TREE_TABLES_SIZE);
	if (tree->window)
		munmap(tree->window, S2_TREE_TABLES_SIZE + HOST_TABLES);
	if (tree->vmemmap)
		munmap(tree->vmemmap, VMEMMAP_BYTES);
}

void s2_tree_pages_use(const struct s2_tree *tree)
{
	s2k_tables = (unsigned long)tree->window;
	s2k_tables_size = S2_TREE_TABLES_SIZE;
	s2k_linear = (unsigned long)tree->window - tree->tables;
	s2k_vmemmap = (unsigned long)tree->vmemmap;
}

/* ---- stores that no event told of ---- */

int s2_tree_watch_plain_stores(struct s2_tree *tree)
{
	if (tree->cut)
		return -EBUSY;
	if (!tree->shadow)
		tree->shadow = reserve(S2_TREE_TABLES_SIZE);
	return tree->shadow ? 0 : -ENOMEM;
}

uint64_t s2_tree_plain_stores(const struct s2_tree *tree, struct s2_pa *first)
{
	if (first)
		*first = tree->first_plain_store;
	return tree->plain_stores;
}

static s2_pte *shadow_of(const struct s2_tree *tree, uint64_t offset)
{
	return (s2_pte *)(void *)(tree->shadow + offset);
}

void s2_tree_shadow_store(struct s2_tree *tree, struct s2_pa pa, s2_pte value)
{
	if (tree->shadow)
		*shadow_of(tree, pa.v - tree->tables) = value;
}

static void compare_page(struct s2_tree *tree, uint64_t page)
{
	s2_pte *told = shadow_of(tree, page << PAGE_SHIFT);
	const s2_pte *is = (const s2_pte *)(const void *)(tree->window + (page << PAGE_SHIFT));

	for (uint64_t i = 0; i < PAGE_BYTES / sizeof(s2_pte); i++) {
		if (told[i] == is[i])
			continue;
		if (!tree->plain_stores++)
			tree->first_plain_store = s2_pa(tree->tables + (page << PAGE_SHIFT) +
							i * sizeof(s2_pte));
		told[i] = is[i];
	}
}

/* ---- what is done to pages after they were freed ---- */

uint64_t s2_tree_freed_writes(const struct s2_tree *tree, struct s2_pa *first)
{
	if (first)
		*first = tree->first_freed_write;
	return tree->freed_writes;
}

static void freed_write(struct s2_tree *tree, struct s2_pa pa)
{
	if (!tree->freed_writes++)
		tree->first_freed_write = pa;
}

bool s2_tree_freed_store(struct s2_tree *tree, struct s2_pa pa)
{
	const uint64_t page = (pa.v - tree->tables) >> PAGE_SHIFT;

	if (page >= N_PAGES || tree->refs[page] != FREED)
		return false;
	freed_write(tree, pa);
	return true;
}

/* What is no poison was written since the page was freed. */
static void check_poison(struct s2_tree *tree, uint64_t page)
{
	uint64_t *words = (uint64_t *)(void *)(tree->window + (page << PAGE_SHIFT));

	for (uint64_t i = 0; i < PAGE_BYTES / sizeof(*words); i++) {
		if (words[i] == POISON)
			continue;
		freed_write(tree, s2_pa(tree->tables + (page << PAGE_SHIFT) + i * sizeof(*words)));
		words[i] = POISON;
	}
}

void s2_tree_shadow_compare(struct s2_tree *tree)
{
	for (uint64_t page = 0; tree->shadow && page < tree->cut; page++) {
		if (tree->refs[page] == FREED)
			check_poison(tree, page);
		else if (tree->refs[page] && tree->refs[page] != RESERVED)
			compare_page(tree, page);
	}
}

/* ---- pages ---- */

static uint64_t number_of(const void *va)
{
	return ((unsigned long)va - s2k_tables) >> PAGE_SHIFT;
}

static struct s2_pa pa_of(const struct s2_tree *tree, uint64_t page)
{
	return s2_pa(tree->tables + (page << PAGE_SHIFT));
}

static uint64_t *words_of(const struct s2_tree *tree, uint64_t page)
{
	return (uint64_t *)(void *)(tree->window + (page << PAGE_SHIFT));
}

/* The number of the first of @n fresh pages, aligned to their size; N_PAGES: there is no room. */
static uint64_t cut(struct s2_tree *tree, uint64_t n)
{
	const uint64_t first = (tree->cut + n - 1) & ~(n - 1);

	if (n > N_PAGES || first > N_PAGES - n)
		return N_PAGES;
	tree->cut = first + n;
	return first;
}

static uint64_t take(struct s2_tree *tree, uint64_t n)
{
	const uint64_t page = tree->free_list - 1;

	if (n > 1 || !tree->free_list)
		return cut(tree, n);
	check_poison(tree, page);
	tree->free_list = tree->next_free[page];
	return page;
}

static int begin_table(struct s2_tree *tree, uint64_t page)
{
	/* It begins to live, and is zeroed. */
	if (s2_foreign_page(tree->foreign, s2_tree_cpu, pa_of(tree, page)))
		return -ENOMEM;
	tree->refs[page] = 1;
	if (tree->shadow)
		memset(shadow_of(tree, page << PAGE_SHIFT), 0, PAGE_BYTES);
	return 0;
}

void *s2k_page_alloc(unsigned long pages)
{
	struct s2_tree *tree = s2_tree_running;
	uint64_t first;

	/* Roots are 1 to 16 concatenated pages. */
	if (!pages || pages > S2_TREE_ROOT_PAGES || pages & (pages - 1))
		return NULL;
	first = take(tree, pages);
	if (first >= N_PAGES)
		return NULL;
	for (uint64_t i = first; i < first + pages; i++)
		if (begin_table(tree, i))
			return NULL;
	return words_of(tree, first);
}

static void put_on_list(struct s2_tree *tree, uint64_t page)
{
	uint64_t *words = words_of(tree, page);

	for (uint64_t i = 0; i < PAGE_BYTES / sizeof(*words); i++)
		words[i] = POISON;
	tree->refs[page] = FREED;
	tree->next_free[page] = (uint32_t)tree->free_list;
	tree->free_list = page + 1;
}

static void free_page(struct s2_tree *tree, uint64_t page)
{
	if (tree->refs[page] == RESERVED) {
		put_on_list(tree, page);
		return;
	}
	/* Told even if none lives there: who watches says that it was freed twice. */
	(void)s2_foreign_free(tree->foreign, s2_tree_cpu, pa_of(tree, page));
	if (tree->refs[page] && tree->refs[page] != FREED)
		put_on_list(tree, page);
}

void *s2k_page_reserve(void)
{
	struct s2_tree *tree = s2_tree_running;
	const uint64_t page = take(tree, 1);

	if (page >= N_PAGES)
		return NULL;
	tree->refs[page] = RESERVED;
	memset(words_of(tree, page), 0, PAGE_BYTES);
	return words_of(tree, page);
}

void s2k_page_taken(void *va)
{
	if (begin_table(s2_tree_running, number_of(va)))
		s2k_stop("out of memory", __func__, 0);
}

void s2k_page_free(void *va, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		free_page(s2_tree_running, number_of(va) + i);
}

void s2k_page_get(void *va)
{
	struct s2_tree *tree = s2_tree_running;
	const uint64_t page = number_of(va);

	if (!s2_tree_freed_store(tree, pa_of(tree, page)))
		tree->refs[page]++;
}

void s2k_page_put(void *va)
{
	uint16_t *refs = &s2_tree_running->refs[number_of(va)];

	if (*refs <= 1 || *refs == FREED)
		free_page(s2_tree_running, number_of(va));
	else
		--*refs;
}

int s2k_page_count(void *va)
{
	const uint16_t refs = s2_tree_running->refs[number_of(va)];

	return refs == FREED ? 0 : refs;
}
