// What Swift cannot see by itself: how often memory was asked for, and how many instructions ran.
#pragma once
#include <stdint.h>

// Calls of malloc, calloc, realloc and their like since the start, of all threads.
uint64_t measuring_allocations(void);

// Bytes that are taken and not given back, those of large pieces included.
uint64_t measuring_heap_bytes(void);

// Counts the instructions of this thread in user space; -1 where the kernel does not let us. See perf_event_open(2).
int measuring_open_instructions(void);
uint64_t measuring_read_instructions(int counter);
