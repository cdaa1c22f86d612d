// How the C library treats memory that was freed.
#pragma once

namespace policymux {

// From now on small pieces are put together as they are freed. glibc collects them instead, and whoever frees or needs
// something larger next puts all of them together: the loop, for 17 ms after a reload of 100,000 lines.
// And the end of a thread's arena goes back to the system once 2 MiB of it are free. glibc lets that limit grow up to
// 64 MiB, and malloc_trim(3) passes over these ends: 50 MiB stayed after a reload.
void tidy_as_we_free();

// Gives whole pages that are free back to the system. To be called after much was freed: reading a policy takes several
// times its size.
//   Cost  some milliseconds after a large policy. Threads that share an arena with what was freed may have to wait: the
//         loop, while the first policy goes, since that one was read by its own thread.
void give_memory_back();

}  // namespace policymux
