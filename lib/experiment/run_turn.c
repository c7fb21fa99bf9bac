#include "experiment/run_turn.h"

#include <unistd.h>

#include "experiment/run_values.h"

static const uint64_t LEASE_NS = CLAIM_LEASE_S * UINT64_C(1000000000);

/* Whether runs/NAME was made with the settings that the plan has now; one that does not say is not known to be another's. */
static bool
is_up_to_date(const struct run_turn *how)
{
	struct buf path = BUF_INIT, settings = BUF_INIT;
	bool same;

	buf_printf(&path, "%s/runs/%.*s/run.leat", how->results, SLICE_ARG(how->cell->name));
	same = run_settings(buf_str(&path), &settings, NULL) == 0 ||
	       slice_eq(buf_view(&settings), how->cell->settings);
	buf_free(&path);
	buf_free(&settings);
	return same;
}

/* The machine, then the claim: 1; 0 where somebody was faster. */
static int
try(const struct run_turn *how, int *turn, struct error *e)
{
	struct slice name = how->cell->name;
	unsigned again = 0;
	enum claim_state state;
	sigset_t before;
	int taken;

	if (!how->share && (*turn = claim_turn(how->results, e)) < 0)
		return -1;
	if (claim_look(how->results, name, &state, NULL, e) < 0)
		return -1;
	if (state == CLAIM_DONE && !is_up_to_date(how))
		again = CLAIM_AGAIN;
	sigprocmask(SIG_BLOCK, how->signals, &before);
	taken = claim_take_as(how->results, name, getpid(), LEASE_NS, CLAIM_INHERIT | again, e);
	if (taken > 0 && *turn >= 0 && claim_turn_note(*turn, how->results, name, e) < 0)
		return -1;
	if (taken == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		claim_turn_end(*turn);
		*turn = -1;
	}
	return taken;
}

int
run_turn_get(const struct run_turn *how, int *turn, struct error *e)
{
	bool said = false;
	int taken = 0;

	*turn = -1;
	while (taken == 0) {
		struct claim_owner owner;
		enum claim_state state;

		if (claim_look(how->results, how->cell->name, &state, &owner, e) < 0)
			return -1;
		if (state == CLAIM_DONE && is_up_to_date(how))
			return 0;
		if (state != CLAIM_LEFT && owner.pid > 0 && !claim_is_inherited(&owner)) {
			if (!said)
				how->waiting(how->cell->name, &owner, how->context);
			said = true;
			claim_wait(&owner);
		} else {
			taken = try(how, turn, e);
		}
	}
	return taken;
}
