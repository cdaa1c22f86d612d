// Memory for large arrays that are read at random: in 2 MiB pages, which spares most reads a walk through the page
// tables. Large blocks have pages of their own, middling ones share some; small ones come from the heap.
#pragma once

#include <cstddef>
#include <vector>

namespace policymux {

inline constexpr std::size_t large_page = std::size_t{1} << 21;

// Aligned to a cache line at least. Throws std::bad_alloc.
//   Threads  any. A lock guards the shared pages: the loop leaves such blocks to its helper thread.
//   Memory   pages go back to the system with the last block in them: large blocks at once, of shared ones the last
//            block may hold 2 MiB. Of what they share, up to three quarters may be unused.
void* allocate_large(std::size_t bytes);
void free_large(void* block, std::size_t bytes) noexcept;  // `bytes` as they were asked for

// What all blocks take that do not come from the heap, in bytes.
std::size_t large_bytes();

// For std::vector.
template <class T>
struct LargePages {
  using value_type = T;
  LargePages() = default;
  template <class U>
  LargePages(const LargePages<U>&) noexcept {}
  T* allocate(std::size_t n) { return static_cast<T*>(allocate_large(n * sizeof(T))); }
  void deallocate(T* block, std::size_t n) noexcept { free_large(block, n * sizeof(T)); }
  bool operator==(const LargePages&) const { return true; }
};

template <class T>
using LargeVector = std::vector<T, LargePages<T>>;

}  // namespace policymux
