#include "app/memory.h"

#include <malloc.h>

namespace policymux {

// Other libraries than glibc have no such habits.

void tidy_as_we_free() {
#ifdef __GLIBC__
  ::mallopt(M_MXFAST, 0);
  ::mallopt(M_TRIM_THRESHOLD, 2 << 20);
#endif
}

void give_memory_back() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace policymux
