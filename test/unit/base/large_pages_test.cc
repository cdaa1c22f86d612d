#include "base/large_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <random>
#include <thread>
#include <vector>

#include "support/catch.h"

using namespace policymux;

namespace {

struct Block {
  unsigned char* at;
  std::size_t bytes;
  unsigned char mark;
};

constexpr std::size_t borders[] = {16'383,         16'384,         16'385,     65'535,        65'536,
                                    large_page / 2, large_page - 1, large_page, large_page + 1};

// Takes and gives back blocks of all sizes; false: one of them did not keep what was written to it.
bool take_and_give_back(std::uint64_t seed, int times) {
  std::mt19937_64 random{seed};
  std::vector<Block> blocks;
  bool kept = true;
  const auto drop = [&](std::size_t i) {
    const auto [at, bytes, mark] = blocks[i];
    kept &= std::all_of(at, at + bytes, [mark = mark](unsigned char byte) { return byte == mark; });
    free_large(at, bytes);
    blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(i));
  };
  for (int i = 0; i < times; ++i) {
    const auto bytes = random() % 4 == 0 ? borders[random() % std::size(borders)]
                                         : (std::size_t{1} << random() % 22) + random() % 5000;
    auto* at = static_cast<unsigned char*>(allocate_large(bytes));
    kept &= reinterpret_cast<std::uintptr_t>(at) % 64 == 0;
    blocks.push_back({at, bytes, static_cast<unsigned char>(i)});
    std::fill(at, at + bytes, blocks.back().mark);
    while (blocks.size() > 40 || (!blocks.empty() && random() % 3 == 0)) drop(random() % blocks.size());
  }
  while (!blocks.empty()) drop(0);
  return kept;
}

bool is_mapped(void* at) { return ::msync(at, 1, MS_ASYNC) == 0; }
std::uintptr_t page_of(const void* at) { return reinterpret_cast<std::uintptr_t>(at) / large_page; }

}  // namespace

TEST_CASE("blocks of every size are aligned and keep what is written to them while others come and go") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  const auto before = large_bytes();
  CHECK(take_and_give_back(seed, 2000));
  CHECK(large_bytes() == before);
}

TEST_CASE("several threads take blocks and give them back") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  const auto before = large_bytes();
  bool other_kept = false;
  std::thread other{[&] { other_kept = take_and_give_back(seed, 1000); }};
  CHECK(take_and_give_back(seed + 1, 1000));
  other.join();
  CHECK(other_kept);
  CHECK(large_bytes() == before);
}

#ifndef __SANITIZE_ADDRESS__  // which has all blocks from the heap, for they are watched there

TEST_CASE("blocks of middling size share a page, use the gaps of others, and give it back together") {
  constexpr std::size_t bytes = 100'000;  // 25 pages of 4 KiB
  const auto before = large_bytes();
  auto* first = allocate_large(bytes);
  auto* second = allocate_large(bytes);
  CHECK(page_of(first) == page_of(second));
  CHECK(large_bytes() == before + 2 * 102'400);
  free_large(first, bytes);
  CHECK(is_mapped(first));
  auto* smaller = allocate_large(20'000);
  CHECK(smaller == first);
  free_large(second, bytes);
  CHECK(is_mapped(smaller));
  free_large(smaller, 20'000);
  CHECK_FALSE(is_mapped(smaller));
}

TEST_CASE("a small block does not open a page of its own") {
  const auto before = large_bytes();
  auto* small = allocate_large(20'000);
  CHECK(large_bytes() == before);
  auto* opens = allocate_large(100'000);
  CHECK(page_of(small) != page_of(opens));
  free_large(small, 20'000);
  free_large(opens, 100'000);
  CHECK(large_bytes() == before);
  CHECK_FALSE(is_mapped(opens));
}

TEST_CASE("a full page has room again when a block of it is gone") {
  std::vector<void*> blocks;
  for (int i = 0; i < 8; ++i) blocks.push_back(allocate_large(large_page / 8));
  CHECK(page_of(blocks.front()) == page_of(blocks.back()));
  auto* elsewhere = allocate_large(large_page / 8);
  CHECK(page_of(elsewhere) != page_of(blocks.front()));
  free_large(blocks[3], large_page / 8);
  CHECK(allocate_large(large_page / 8) == blocks[3]);
  for (auto* block : blocks) free_large(block, large_page / 8);
  free_large(elsewhere, large_page / 8);
}

#endif
