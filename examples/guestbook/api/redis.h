#pragma once
#include <stdbool.h>

/* Adds one to the counter `key`. False: Redis did not answer, and redis_problem() says why. */
bool redis_increment(const char *key, long long *value);

/* Whether Redis answers. */
bool redis_ping(void);

/* What went wrong last, for people. */
const char *redis_problem(void);
