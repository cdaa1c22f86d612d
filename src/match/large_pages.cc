#include "match/large_pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace policymux {

namespace {

constexpr std::align_val_t cache_line{64};

std::size_t whole_pages(std::size_t bytes) {
  constexpr std::size_t page = 65'536;  // a multiple of every page size in use
  return (bytes + page - 1) & ~(page - 1);
}

}  // namespace

void* allocate_large(std::size_t bytes) {
  if (bytes < large_page) return ::operator new(bytes, cache_line);
  // Maps one large page too much and gives back what lies before and behind the aligned block.
  const auto size = whole_pages(bytes), mapped = size + large_page;
  void* all = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc{};
  auto* begin = static_cast<char*>(all);
  const auto before = -reinterpret_cast<std::uintptr_t>(begin) % large_page;
  if (before > 0) ::munmap(begin, before);
  ::munmap(begin + before + size, large_page - before);
  ::madvise(begin + before, size, MADV_HUGEPAGE);  // a wish: nothing depends on it
  return begin + before;
}

void free_large(void* block, std::size_t bytes) noexcept {
  if (bytes < large_page) {
    ::operator delete(block, cache_line);
  } else {
    ::munmap(block, whole_pages(bytes));
  }
}

}  // namespace policymux
