// Memory for large arrays that are read at random: asks for 2 MiB pages where a block is large enough, which
// spares most reads a walk through the page tables.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace policymux {

inline constexpr std::size_t large_page = std::size_t{1} << 21;

// Released with std::free(). Throws std::bad_alloc.
inline void* allocate_large(std::size_t bytes, std::size_t alignment) {
  void* block = nullptr;
  const bool large = bytes >= large_page;
  if (::posix_memalign(&block, large ? large_page : alignment, bytes) != 0) throw std::bad_alloc{};
  if (large) ::madvise(block, bytes, MADV_HUGEPAGE);  // a wish: nothing depends on it
  return block;
}

// For std::vector.
template <class T>
struct LargePages {
  using value_type = T;
  LargePages() = default;
  template <class U>
  LargePages(const LargePages<U>&) noexcept {}
  T* allocate(std::size_t n) {
    constexpr auto alignment = alignof(T) < sizeof(void*) ? sizeof(void*) : alignof(T);
    return static_cast<T*>(allocate_large(n * sizeof(T), alignment));
  }
  void deallocate(T* block, std::size_t) noexcept { std::free(block); }
  bool operator==(const LargePages&) const { return true; }
};

template <class T>
using LargeVector = std::vector<T, LargePages<T>>;

}  // namespace policymux
