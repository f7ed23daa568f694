#include <sqlite3.h>

// sqlite3_destructor_type constants are casts, which Swift cannot import.
static inline sqlite3_destructor_type baotu_sqlite_static(void) { return SQLITE_STATIC; }
static inline sqlite3_destructor_type baotu_sqlite_transient(void) { return SQLITE_TRANSIENT; }
