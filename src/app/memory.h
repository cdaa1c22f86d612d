// What the C library keeps of memory that was freed.
#pragma once

namespace policymux {

// Puts free pieces together and gives whole pages back to the system. To be called after much was freed: left alone,
// whoever is the first to need a larger piece does it while a client waits, 20 ms after 100,000 lines; and a reload
// would leave several times the policy's size behind.
//   Cost  some milliseconds after a large policy, in which other threads' allocations may wait.
void tidy_memory();

}  // namespace policymux
