#include "match/sorted_keys.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.h"

using namespace policymux;

namespace {

using Random = std::mt19937_64;

// Asks at, before and after every key, at both ends of the numbers, and at random places.
template <class Key>
void check_ranks(std::vector<Key> keys, Random& random) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  const SortedKeys<Key> sorted{LargeVector<Key>(keys.begin(), keys.end())};
  REQUIRE(sorted.size() == keys.size());
  std::vector<Key> places{0, 1, std::numeric_limits<Key>::max() - 1, std::numeric_limits<Key>::max()};
  for (const auto key : keys)
    for (const auto place : {key, static_cast<Key>(key + 1), static_cast<Key>(key - 1)}) places.push_back(place);
  for (int i = 0; i < 1000; ++i) places.push_back(static_cast<Key>(random() >> random() % 64));
  for (const auto place : places) {
    const auto want = static_cast<std::size_t>(std::upper_bound(keys.begin(), keys.end(), place) - keys.begin());
    std::size_t near = keys.size() + 1;
    const auto rank = sorted.rank(place, [&](std::size_t i) { near = i; });
    if (rank == want && near <= rank && rank <= near + SortedKeys<Key>::width) continue;
    CAPTURE(place, near);
    REQUIRE(rank == want);
    FAIL("near() told where the result is not");
  }
  for (std::size_t i = 0; i < keys.size(); i += 7) REQUIRE(sorted[i] == keys[i]);
}

}  // namespace

TEMPLATE_TEST_CASE("the rank of a key is what a search by halves finds, however the keys are spread", "", std::uint32_t,
                   std::uint64_t) {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  Random random{seed};
  using Key = TestType;
  constexpr auto greatest = std::numeric_limits<Key>::max();
  constexpr auto bits = static_cast<unsigned>(std::numeric_limits<Key>::digits);
  const std::pair<std::string_view, std::function<Key(std::size_t)>> shapes[] = {
      {"evenly", [&](std::size_t) { return static_cast<Key>(random()); }},
      {"in a row", [&](std::size_t i) { return static_cast<Key>(i); }},
      {"in a row up to the greatest", [&](std::size_t i) { return static_cast<Key>(greatest - i); }},
      {"a row and one far away", [&](std::size_t i) { return i == 0 ? greatest : static_cast<Key>(1000 + i); }},
      {"each twice as far as the one before",
       [&](std::size_t i) { return static_cast<Key>(greatest >> i % bits) - static_cast<Key>(i / bits); }},
      {"small ones likelier", [&](std::size_t) { return static_cast<Key>(random() >> random() % 64); }},
      {"crowds within crowds",
       [&](std::size_t) {
         Key key = 0;
         for (unsigned part = 0; part < 4; ++part)
           key = static_cast<Key>(key << bits / 4 | random() % (Key{1} << random() % (bits / 4 + 1)));
         return key;
       }},
      {"crowds of one size", [&](std::size_t i) { return static_cast<Key>(i / 100 * 0x9e3779b1 + i % 100 * 3); }}};
  for (const auto& [shape, key] : shapes) {
    CAPTURE(shape);
    for (const std::size_t n : {0u, 1u, 7u, 8u, 9u, 64u, 65u, 500u, 513u, 5'000u, 20'000u}) {
      CAPTURE(n);
      std::vector<Key> keys;
      for (std::size_t i = 0; i < n; ++i) keys.push_back(key(i));
      check_ranks(std::move(keys), random);
    }
  }
}

TEST_CASE("the directories of keys that crowd take a small part of what the keys take") {
  // An eighth of them in the whole span, an eighth in its first 64th, an eighth in the first 64th of that, ...
  Random random{1};
  std::vector<std::uint64_t> keys;
  for (std::size_t i = 0; i < 200'000; ++i) keys.push_back(random() >> 6 * (random() % 8));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  const SortedKeys<std::uint64_t> sorted{LargeVector<std::uint64_t>(keys.begin(), keys.end())};
  CHECK(sorted.memory() < keys.size() * (8 + 4));
}
