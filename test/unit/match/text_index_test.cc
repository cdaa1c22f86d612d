#include "match/text_index.h"

#include <xxhash.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/large_pages.h"
#include "support/catch.h"

using namespace policymux;

namespace {

IdList ids_of(const ExactIndex& index, std::string_view key) {
  const auto found = index.find(key);
  return {found.begin(), found.end()};
}

template <class Index>
IdList found_in(const Index& index, std::string_view value) {
  IdList out;
  index.find(value, out);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("an exact index finds what was added, and nothing else") {
  ExactIndex::Builder builder;
  builder.add("foo@bar.com", 7);
  builder.add("", 8);
  builder.add(std::string(254, 'x'), 9);
  builder.add(std::string(255, 'x'), 10);
  builder.add(std::string(256, 'x'), 14);
  builder.add(std::string(70'000, 'x'), 11);
  builder.add(std::string(3 << 20, 'y'), 12);
  builder.add(std::string_view{"a\0b", 3}, 13);
  builder.add("after", 0);
  const auto index = std::move(builder).build();
  CHECK(index.size() == 9);
  CHECK(ids_of(index, "foo@bar.com") == IdList{7});
  CHECK(ids_of(index, "") == IdList{8});
  CHECK(ids_of(index, std::string(254, 'x')) == IdList{9});
  CHECK(ids_of(index, std::string(255, 'x')) == IdList{10});
  CHECK(ids_of(index, std::string(256, 'x')) == IdList{14});
  CHECK(ids_of(index, std::string(70'000, 'x')) == IdList{11});
  CHECK(ids_of(index, std::string(3 << 20, 'y')) == IdList{12});
  CHECK(ids_of(index, std::string_view{"a\0b", 3}) == IdList{13});
  CHECK(ids_of(index, "after") == IdList{0});
  for (const std::string_view other : {"foo@bar.co", "foo@bar.com ", "FOO@bar.com", "x", "a"}) {
    CAPTURE(other);
    CHECK(ids_of(index, other).empty());
  }
}

TEST_CASE("a key with several ids has all of them, ascending, each once") {
  ExactIndex::Builder builder;
  for (const auto id : {5u, 3u, 9u, 3u, 5u}) builder.add("several", id);
  builder.add("one", 4);
  builder.add("one", 4);
  const auto index = std::move(builder).build();
  CHECK(ids_of(index, "several") == IdList{3, 5, 9});
  CHECK(ids_of(index, "one") == IdList{4});
  CHECK(index.size() == 2);
}

TEST_CASE("an empty index finds nothing") {
  CHECK(ids_of(ExactIndex{}, "x").empty());
  CHECK(ids_of(std::move(ExactIndex::Builder{}).build(), "").empty());
  CHECK(found_in(DomainIndex{}, "x.org").empty());
  CHECK(found_in(AffixIndex{}, "x").empty());
}

TEST_CASE("random keys, many of them repeated, are found like in a map") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  for (const std::size_t n : {10u, 1000u, 100'000u}) {
    std::map<std::string, std::set<std::uint32_t>> want;
    ExactIndex::Builder builder;
    for (std::size_t i = 0; i < n; ++i) {
      const auto key = std::to_string(random() % n) + std::string(random() % 40, 'k');
      const auto id = static_cast<std::uint32_t>(random() % 5);
      want[key].insert(id);
      builder.add(key, id);
    }
    const auto index = std::move(builder).build();
    CHECK(index.size() == want.size());
    for (const auto& [key, ids] : want) {
      REQUIRE(ids_of(index, key) == IdList(ids.begin(), ids.end()));
      REQUIRE(index.find(key + "!").empty());
    }
  }
}

TEST_CASE("random keys in tables of every small size are found, each with its ids, and nothing else") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  for (std::size_t size = 1; size <= 40; ++size) {
    for (int round = 0; round < 300; ++round) {
      const auto choice = round % 2 == 0 ? std::mt19937_64::max() : size;  // every other round many keys are repeated
      std::map<std::string, std::set<std::uint32_t>> want;
      ExactIndex::Builder builder;
      for (std::size_t i = 0; i < size; ++i) {
        const auto key = std::to_string(random() % choice);
        const auto id = static_cast<std::uint32_t>(random() % 5);
        want[key].insert(id);
        builder.add(key, id);
      }
      const auto index = std::move(builder).build();
      REQUIRE(index.size() == want.size());
      for (const auto& [key, ids] : want) REQUIRE(ids_of(index, key) == IdList(ids.begin(), ids.end()));
      for (std::size_t i = 0; i < size; ++i) REQUIRE(ids_of(index, "no" + std::to_string(random())).empty());
    }
  }
}

// The hash table's insides: a bucket has ten slots, n keys have n * 5 / 28 + 1 buckets, and the upper bits of xxh3 say
// which one is a key's own.
TEST_CASE("keys that find their bucket full are found in the next ones, behind the last one in the first") {
  constexpr std::size_t size = 40, buckets = size * 5 / 28 + 1;
  const auto own_bucket = [](const std::string& key) {
    const unsigned __int128 hash = XXH3_64bits(key.data(), key.size());
    return static_cast<std::size_t>(hash * buckets >> 64);
  };
  for (std::size_t crowded = 0; crowded < buckets; ++crowded) {
    CAPTURE(crowded);
    std::vector<std::string> same_bucket;
    for (int i = 0; same_bucket.size() < size; ++i) {
      if (auto key = std::to_string(i); own_bucket(key) == crowded) same_bucket.push_back(std::move(key));
    }
    const auto added = std::span{same_bucket}.first(size / 2);  // each twice; they fill their own bucket and the next
    ExactIndex::Builder builder;
    for (std::uint32_t id = 0; id < 2; ++id) {
      for (const auto& key : added) builder.add(key, id);
    }
    const auto index = std::move(builder).build();
    CHECK(index.size() == added.size());
    for (const auto& key : added) CHECK(ids_of(index, key) == IdList{0, 1});
    for (const auto& key : std::span{same_bucket}.subspan(added.size())) CHECK(ids_of(index, key).empty());
  }
}

// The lower 16 bits of xxh3, the lowest one set, are what a bucket keeps of a hash.
TEST_CASE("of keys that look alike in their bucket, each is told from the other, wherever they differ") {
  const auto tag_of = [](const std::string& key) {
    return static_cast<std::uint16_t>(XXH3_64bits(key.data(), key.size()) | 1);
  };
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  // `at`: where one byte is another one; behind the end: the other key is one byte longer.
  const auto alike = [&](std::size_t size, std::size_t at) {
    while (true) {
      std::string key(size, 'x');
      for (const auto i : {std::size_t{0}, size / 2, size - 1}) key[i] = static_cast<char>(random());
      auto other = key;
      if (at == size) other += ' ';
      other[at] = static_cast<char>(other[at] ^ (1 + random() % 255));
      if (tag_of(key) == tag_of(other)) return std::pair{key, other};
    }
  };
  for (const std::size_t size : {4u, 5u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 32u, 33u}) {
    for (std::size_t at = 0; at <= size; ++at) {
      CAPTURE(size, at);
      const auto [key, other] = alike(size, at);
      ExactIndex::Builder one, another, both;
      one.add(key, 1);
      another.add(other, 2);
      both.add(key, 1);
      both.add(other, 2);
      CHECK(ids_of(std::move(one).build(), other).empty());
      CHECK(ids_of(std::move(another).build(), key).empty());
      const auto index = std::move(both).build();
      CHECK(ids_of(index, key) == IdList{1});
      CHECK(ids_of(index, other) == IdList{2});
    }
  }
}

TEST_CASE("a key that fills the first chunk of the arena to its end, and one behind it") {
  ExactIndex::Builder builder;
  const std::string full(1024 - 9, 'x');
  builder.add(full, 1);
  builder.add("y", 2);
  const auto index = std::move(builder).build();
  CHECK(ids_of(index, full) == IdList{1});
  CHECK(ids_of(index, "y") == IdList{2});
}

TEST_CASE("of few and of many keys each is found, and nothing else") {
  for (const std::uint32_t size : {1u, 4'095u, 4'096u, 10'000u, 131'072u, 131'073u}) {
    CAPTURE(size);
    ExactIndex::Builder builder;
    for (std::uint32_t i = 0; i < size; ++i) builder.add("key" + std::to_string(i), i);
    const auto index = std::move(builder).build();
    for (std::uint32_t i = 0; i < size; ++i) {
      const auto found = index.find("key" + std::to_string(i));
      REQUIRE((found.size() == 1 && found.front() == i));
      REQUIRE(index.find("kex" + std::to_string(i)).empty());
    }
  }
}

TEST_CASE("keys of 25 bytes take at most 44 bytes each") {
  ExactIndex::Builder builder;
  constexpr std::size_t n = 3'000'000;
  for (std::size_t i = 0; i < n; ++i) builder.add(std::to_string(1'000'000'000 + i) + "@long.example.", 0);
  const auto index = std::move(builder).build();
  CHECK(index.memory() < 44 * n + large_page);  // the chunk that is not full yet
}

TEST_CASE("domain: the value is it or lies below it; .x.org: below only; trailing dots ignored") {
  DomainIndex::Builder builder;
  builder.add("x.org", 1);
  builder.add(".x.org", 2);
  builder.add("mail.x.org.", 3);
  builder.add("com", 4);
  builder.add(".", 5);
  builder.add("", 6);
  builder.add(".y.net.", 7);
  const auto index = std::move(builder).build();
  struct Case {
    std::string_view host;
    IdList want;
  };
  const Case cases[] = {
      {"x.org", {1}},
      {"x.org.", {1}},
      {"x.org..", {1}},
      {"a.x.org", {1, 2}},
      {"mail.x.org", {1, 2, 3}},
      {"a.b.mail.x.org.", {1, 2, 3}},
      {"ax.org", {}},
      {"org", {}},
      {"x.org.evil", {}},
      {"example.com", {4}},
      {"com", {4}},
      {"y.net", {}},
      {"a.y.net", {7}},
      {"", {}},
      {".", {}},
      {"..", {}},
      {".x.org", {1, 2}},
      {"a..x.org", {1, 2}},
  };
  for (const auto& [host, want] : cases) {
    CAPTURE(host);
    CHECK(found_in(index, host) == want);
  }
}

TEST_CASE("of a host with thousands of labels the last 128 count") {
  DomainIndex::Builder builder;
  std::string key = "org";
  for (int label = 1; label < 128; ++label) key = "a." + key;
  builder.add("org", 1);
  builder.add(key, 2);
  builder.add("a." + key, 3);
  const auto index = std::move(builder).build();
  std::string host = key;
  for (int i = 0; i < 5'000; ++i) host = "a." + host;
  CHECK(found_in(index, host) == IdList{1, 2});
}

// '.' and 'n' are the same byte modulo 64, '@' and NUL too; 64 bytes are looked at together, 16 at a time.
TEST_CASE("prefixes and suffixes of lengths at the borders are found, each once") {
  constexpr std::size_t sizes[] = {1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 66, 100};
  for (const char end : {'.', 'n', '@', '\0', '\xff'}) {
    AffixIndex::Builder prefixes{Affix::prefix}, suffixes{Affix::suffix};
    const auto add = [&](std::size_t size, char open_end, std::uint32_t id) {
      prefixes.add(std::string(size - 1, 'a') + open_end, id);
      suffixes.add(open_end + std::string(size - 1, 'a'), id);
    };
    prefixes.add("", 0);
    suffixes.add("", 0);
    for (const auto size : sizes) {
      add(size, '.', static_cast<std::uint32_t>(size));
      add(size, '@', static_cast<std::uint32_t>(1000 + size));
    }
    add(16, end, 2000);
    const auto prefix_index = std::move(prefixes).build(), suffix_index = std::move(suffixes).build();
    for (std::size_t size = 1; size <= 101; ++size) {
      IdList want{0};
      const bool is_key = std::ranges::find(sizes, size) != std::end(sizes);
      if (is_key && end == '.') want.push_back(static_cast<std::uint32_t>(size));
      if (is_key && end == '@') want.push_back(static_cast<std::uint32_t>(1000 + size));
      if (size == 16) want.push_back(2000);
      CAPTURE(end, size);
      const auto others = std::string(size - 1, 'a');
      for (const std::size_t more : {0u, 1u, 15u, 64u}) {
        CHECK(found_in(prefix_index, others + end + std::string(more, 'x')) == want);
        CHECK(found_in(suffix_index, std::string(more, 'x') + end + others) == want);
      }
    }
    CHECK(found_in(suffix_index, "") == IdList{0});
  }
}

TEST_CASE("prefixes and suffixes of every length are found like by looking at each") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  std::string_view letters;
  const auto word = [&](std::size_t longest) {
    std::string text;
    for (auto n = random() % (longest + 1); n > 0; --n) text += letters[random() % letters.size()];
    return text;
  };
  for (int round = 0; round < 200; ++round) {
    letters = random() % 2 == 0 ? "ab@." : "aaaaaaaaaaabcdefghijkln.\xc3\xa9";
    const std::size_t longest = random() % 2 == 0 ? 6 : 70;
    AffixIndex::Builder prefixes{Affix::prefix}, suffixes{Affix::suffix};
    std::vector<std::string> keys;
    const auto many = random() % 200;
    for (std::uint32_t id = 0; id < many; ++id) {
      keys.push_back(word(longest));
      prefixes.add(keys.back(), id);
      suffixes.add(keys.back(), id);
    }
    const auto prefix_index = std::move(prefixes).build(), suffix_index = std::move(suffixes).build();
    for (int i = 0; i < 100; ++i) {
      const auto some = [&] { return keys.empty() || random() % 2 == 0 ? word(2 * longest) : keys[random() % keys.size()]; };
      const auto value = some() + some();
      IdList prefix_ids, suffix_ids;
      for (std::uint32_t id = 0; id < keys.size(); ++id) {
        if (value.starts_with(keys[id])) prefix_ids.push_back(id);
        if (value.ends_with(keys[id])) suffix_ids.push_back(id);
      }
      CAPTURE(value);
      REQUIRE(found_in(prefix_index, value) == prefix_ids);
      REQUIRE(found_in(suffix_index, value) == suffix_ids);
    }
  }
}
