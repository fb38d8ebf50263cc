// SPDX-License-Identifier: MIT
/*
 * RCU: what call_rcu() was given waits until no reader of then is left.  One CPU runs at
 * a time and requests do not nest, so that is when the last reader's section ends, or
 * the request does.
 */
#include <linux/rcupdate.h>

#include "requests.h"

static int readers;
static bool grace;
static struct rcu_head *waiting, **waiting_tail = &waiting;

void tree_set_grace(int on)
{
	grace = on;
}

void tree_abandon(void)
{
	readers = 0;
	waiting = NULL;
	waiting_tail = &waiting;
}

static void grace_period_over(void)
{
	while (waiting) {
		struct rcu_head *head = waiting;

		waiting = (struct rcu_head *)head->next;
		if (!waiting)
			waiting_tail = &waiting;
		head->func(head);
	}
}

void tree_quiescent(void)
{
	if (readers)
		s2k_stop("RCU: still reading at the end of a request", __func__, 0);
	grace_period_over();
}

void call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	if (!grace) {
		func(head);
		return;
	}
	head->func = func;
	head->next = NULL;
	*waiting_tail = head;
	waiting_tail = (struct rcu_head **)&head->next;
}

void __rcu_read_lock(void)
{
	readers++;
}

void __rcu_read_unlock(void)
{
	if (!--readers)
		grace_period_over();
}

void synchronize_rcu(void)
{
	if (readers)
		s2k_stop("RCU: waits for itself", __func__, 0);
	grace_period_over();
}
