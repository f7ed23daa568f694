// By default SIGHUP ends a process. A daemon that is told to reload while it starts has nothing to reload yet: it is to go
// on. Its runtime and its libraries take 16 ms before `main` in a debug build, and who sent it in that time ended the
// daemon, 2 times of 24. What stands in .preinit_array runs before all of them, once the loader has put them in place.
#include "CStart.h"
#include <signal.h>

static void ignore_hang_ups(void) { signal(SIGHUP, SIG_IGN); }

__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = ignore_hang_ups;
