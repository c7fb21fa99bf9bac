/* record.c - from a hook to the ring of its thread */
#include "interpose/stack.h"
