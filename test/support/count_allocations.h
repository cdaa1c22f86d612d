// Counts what the whole program allocates. Include it in one .cc of a test program: it replaces operator new.
#pragma once

// g++ inlines some of these operators and then takes what is left for a mismatch.
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

#include <cstddef>
#include <cstdlib>
#include <new>

namespace policymux::test {

inline std::size_t allocations = 0;  // so far

inline void* counted_malloc(std::size_t size) noexcept {
  ++allocations;
  return std::malloc(size);
}

}  // namespace policymux::test

void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return policymux::test::counted_malloc(size); }
void* operator new(std::size_t size) {
  if (void* const p = policymux::test::counted_malloc(size)) return p;
  throw std::bad_alloc{};
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
