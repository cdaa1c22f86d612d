#include "base/large_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "support/catch.h"

using namespace policymux;

namespace {

struct Block {
  unsigned char* at;
  std::size_t bytes;
  unsigned char mark;
};

bool is_mapped(void* at) { return ::msync(at, 1, MS_ASYNC) == 0; }
std::uintptr_t page_of(const void* at) { return reinterpret_cast<std::uintptr_t>(at) / large_page; }

}  // namespace

TEST_CASE("blocks of every size keep what is written to them while others come and go") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  std::vector<Block> blocks;
  const auto drop = [&blocks](std::size_t i) {
    const auto& [at, bytes, mark] = blocks[i];
    CHECK(std::all_of(at, at + bytes, [mark = mark](unsigned char byte) { return byte == mark; }));
    free_large(at, bytes);
    blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(i));
  };
  for (int i = 0; i < 2000; ++i) {
    const auto bytes = (std::size_t{1} << random() % 23) + random() % 5000;
    auto* at = static_cast<unsigned char*>(allocate_large(bytes));
    REQUIRE(reinterpret_cast<std::uintptr_t>(at) % 64 == 0);
    blocks.push_back({at, bytes, static_cast<unsigned char>(i)});
    std::fill(at, at + bytes, blocks.back().mark);
    while (blocks.size() > 40 || (!blocks.empty() && random() % 3 == 0)) drop(random() % blocks.size());
  }
  while (!blocks.empty()) drop(0);
}

TEST_CASE("blocks of middling size share a page, use the gaps of others, and give it back together") {
  constexpr std::size_t bytes = 100'000;
  auto* first = allocate_large(bytes);
  auto* second = allocate_large(bytes);
  CHECK(page_of(first) == page_of(second));
  free_large(first, bytes);
  CHECK(is_mapped(first));
  auto* smaller = allocate_large(20'000);
  CHECK(smaller == first);
  free_large(second, bytes);
  CHECK(is_mapped(smaller));
  free_large(smaller, 20'000);
  CHECK_FALSE(is_mapped(smaller));
}
