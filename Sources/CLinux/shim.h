// Linux calls that Swift's C library module leaves out: what kind of file system, is the clock synchronised, and what is
// this thread called.
#include <sys/prctl.h>
#include <sys/timex.h>
#include <sys/vfs.h>

// prctl takes any number of arguments, which Swift cannot call.
static inline int baotu_name_thread(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

// For programs that are started and watched: names that GNU's library hides from who does not ask for them. Without its headers,
// which would make half of the C library's words words of this module.
extern int baotu_memory_file(const char *name, unsigned int flags) __asm__("memfd_create");
extern int baotu_pipe(int ends[2], int flags) __asm__("pipe2");
extern int baotu_watch_process(int id, unsigned int flags) __asm__("pidfd_open");
extern int baotu_spawn_close_from(void *actions, int first) __asm__("posix_spawn_file_actions_addclosefrom_np");
extern int baotu_spawn_in_folder(void *actions, const char *path) __asm__("posix_spawn_file_actions_addchdir_np");
