// Linux calls that Swift's C library module leaves out: what kind of file system, is the clock synchronised, and what is
// this thread called.
#include <sys/prctl.h>
#include <sys/timex.h>
#include <sys/vfs.h>

// prctl takes any number of arguments, which Swift cannot call.
static inline int baotu_name_thread(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }
