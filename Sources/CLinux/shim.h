// Two Linux calls that Swift's C library module leaves out: what kind of file system, and is the clock synchronised.
#include <sys/timex.h>
#include <sys/vfs.h>
