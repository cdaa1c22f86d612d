#include "app/memory.h"

#include <malloc.h>

namespace policymux {

void tidy_memory() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace policymux
