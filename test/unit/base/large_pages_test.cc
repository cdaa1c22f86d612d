#include "base/large_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "base/sanitizer.h"
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

#if !POLICYMUX_ADDRESS_SANITIZER  // which has all blocks from the heap, for they are watched there

namespace {

bool is_mapped(void* at) { return ::msync(at, 1, MS_ASYNC) == 0; }
std::uintptr_t page_of(const void* at) { return reinterpret_cast<std::uintptr_t>(at) / large_page; }

}  // namespace

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

TEST_CASE("a page takes blocks until three fifths are in use, and then again when three quarters are free") {
  constexpr std::size_t granule = 4096;  // a page has 512; at 307 it closes, at 128 it opens
  const auto take = [](std::size_t granules) { return allocate_large(granules * granule); };
  const auto give_back = [](void* block, std::size_t granules) { free_large(block, granules * granule); };
  auto* first = take(180);
  auto* second = take(122);
  auto* third = take(4);
  auto* closes = take(4);  // 306 were in use
  CHECK(page_of(first) == page_of(closes));
  auto* elsewhere = take(16);
  CHECK(page_of(elsewhere) != page_of(first));
  give_back(first, 180);  // 130 are
  auto* still_elsewhere = take(4);
  CHECK(page_of(still_elsewhere) == page_of(elsewhere));
  give_back(third, 4);  // 126
  auto* back = take(4);
  CHECK(back == first);
  for (auto* block : {closes, still_elsewhere, back}) give_back(block, 4);
  give_back(elsewhere, 16);
  give_back(second, 122);
}

// After a reload up to 7 MiB were nothing but gaps, for pages held what was left of one table and some of the next one.
TEST_CASE("what is built beside a table leaves the table's gaps alone") {
  constexpr std::size_t bytes = 70'000;  // smaller ones do not open pages
  const auto build = [] {
    std::vector<void*> table, passing;
    for (int i = 0; i < 70; ++i) (i % 5 == 0 ? passing : table).push_back(allocate_large(bytes));
    for (auto* block : passing) free_large(block, bytes);
    return table;
  };
  const auto pages = [](const std::vector<void*>& table) {
    std::set<std::uintptr_t> all;
    for (const auto* block : table) all.insert(page_of(block));
    return all;
  };
  const auto first = build(), second = build();
  std::vector<std::uintptr_t> both;
  std::ranges::set_intersection(pages(first), pages(second), std::back_inserter(both));
  CHECK(pages(first).size() == 4);
  CHECK(both.size() == 1);  // the last page of the first table, which had room
  for (auto* block : first) free_large(block, bytes);
  for (auto* block : second) free_large(block, bytes);
}

#endif
