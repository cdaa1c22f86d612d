#include "match/text_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/large_pages.h"
#include "base/text.h"

namespace policymux {

namespace {

// Are these the same `size` bytes, one Word at least and two at most? The two may overlap: one branch in all.
template <class Word>
bool same_words(const char* a, const char* b, std::size_t size) {
  const auto difference = [&](std::size_t at) {
    Word x, y;
    std::memcpy(&x, a + at, sizeof x);
    std::memcpy(&y, b + at, sizeof y);
    return x ^ y;
  };
  return (difference(0) | difference(size - sizeof(Word))) == 0;
}
bool same_16_to_32(const char* a, const char* b, std::size_t size) {
#ifdef __SSE2__
  const auto equal = [&](std::size_t at) {
    __m128i x, y;
    std::memcpy(&x, a + at, sizeof x);
    std::memcpy(&y, b + at, sizeof y);
    return _mm_cmpeq_epi8(x, y);
  };
  return _mm_movemask_epi8(_mm_and_si128(equal(0), equal(size - 16))) == 0xffff;
#else
  return same_words<std::uint64_t>(a, b, 16) && same_words<std::uint64_t>(a + size - 16, b + size - 16, 16);
#endif
}

// A key in the arena, aligned to four bytes: its id, its size in one byte (or 255 and four more), the text.
class Record {
 public:
  using Id = std::uint32_t;
  static constexpr std::size_t alignment = alignof(Id);

  explicit Record(const char* at) : at_{at} {}
  const Id& id() const { return *reinterpret_cast<const Id*>(at_); }
  std::string_view text() const {
    const auto* const text = at_ + text_at;
    if (size_byte() < long_size) return {text, size_byte()};
    std::uint32_t size;
    std::memcpy(&size, text, sizeof size);
    return {text + sizeof size, size};
  }
  // A glance, for keys of 4 to 32 bytes, as most are: true only if it is this text.
  bool surely_holds(std::string_view key) const {
    const auto size = key.size();
    if (size != size_byte()) return false;
    const auto* const text = at_ + text_at;
    if (size >= 16) return size <= 32 && same_16_to_32(key.data(), text, size);
    if (size >= 8) return same_words<std::uint64_t>(key.data(), text, size);
    return size >= 4 && same_words<std::uint32_t>(key.data(), text, size);
  }
  std::size_t bytes() const { return bytes(text().size()); }

  static std::size_t bytes(std::size_t key_size) {
    const auto size = text_at + (key_size < long_size ? 0 : sizeof long_size) + key_size;
    return (size + alignment - 1) & ~(alignment - 1);
  }
  static void write(char* at, std::string_view key, Id id) {
    const auto size = static_cast<std::uint32_t>(key.size());
    set_id(at, id);
    at += sizeof id;
    *at++ = static_cast<char>(std::min(size, long_size));
    if (size >= long_size) {
      std::memcpy(at, &size, sizeof size);
      at += sizeof size;
    }
    key.copy(at, size);
  }
  static void set_id(char* at, Id id) { std::memcpy(at, &id, sizeof id); }

 private:
  static constexpr std::uint32_t long_size = 255;
  static constexpr std::size_t text_at = sizeof(Id) + 1;

  unsigned char size_byte() const { return static_cast<unsigned char>(at_[sizeof(Id)]); }

  const char* at_;
};

// Where records lie: chunks that grow up to one large page each and never move, so that to grow takes no copy
// of what is there. (Only a key that needs more has a larger chunk, of its own.)
class Arena {
 public:
  // A record's place: its chunk, and its offset in units of the records' alignment.
  using Place = std::uint32_t;

  void add(std::string_view key, std::uint32_t id) {
    const auto bytes = Record::bytes(key.size());
    if (chunks_.empty() || chunks_.back().size() - chunks_.back().used < bytes) grow(bytes);
    auto& chunk = chunks_.back();
    const auto offset = std::exchange(chunk.used, chunk.used + bytes);
    Record::write(chunk.block.get() + offset, key, id);
    ++size_;
  }
  std::size_t size() const { return size_; }  // records
  Record operator[](Place place) const { return Record{address(place)}; }
  void set_id(Place place, std::uint32_t id) { Record::set_id(address(place), id); }

  // In the order in which they were added.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      for (std::size_t offset = 0; offset < chunks_[i].used;) {
        const auto at = place(i, offset);
        visit(at, (*this)[at]);
        offset += (*this)[at].bytes();
      }
    }
  }

  std::size_t memory() const {
    auto sum = chunks_.capacity() * sizeof(Chunk) + blocks_.capacity() * sizeof(char*);
    for (const auto& chunk : chunks_) sum += chunk.size();
    return sum;
  }

 private:
  struct Free {
    std::size_t bytes;
    void operator()(char* block) const { free_large(block, bytes); }
  };
  struct Chunk {
    std::unique_ptr<char, Free> block;
    std::size_t used;
    std::size_t size() const { return block.get_deleter().bytes; }
  };
  static constexpr std::size_t first_chunk = 1024;
  static constexpr unsigned offset_bits = 19;
  static_assert(large_page / Record::alignment == 1u << offset_bits);

  static Place place(std::size_t chunk, std::size_t offset) {
    return static_cast<Place>(chunk << offset_bits | offset / Record::alignment);
  }
  char* address(Place place) const {
    return blocks_[place >> offset_bits] + (place & ((1u << offset_bits) - 1)) * Record::alignment;
  }
  void grow(std::size_t bytes) {
    const auto index = chunks_.size();
    if (index == std::size_t{1} << (32 - offset_bits)) throw std::length_error{"more than 16 GiB of keys and ids"};
    const auto usual = first_chunk << std::min<std::size_t>(index, 11);
    static_assert(first_chunk << 11 == large_page);
    const auto size = std::max(usual, bytes);
    blocks_.reserve(index + 1);  // both, or none
    chunks_.push_back({{static_cast<char*>(allocate_large(size)), Free{size}}, 0});
    blocks_.push_back(chunks_.back().block.get());
  }

  std::vector<Chunk> chunks_;
  std::vector<char*> blocks_;  // of the chunks: to look one up takes an instruction or two less
  std::size_t size_ = 0;
};

constexpr std::uint32_t several_bit = 1u << 31;  // in a record's id: an index into Data::several instead

// Ten slots of a hash table in one cache line, filled from the front. A key that finds its bucket full goes on to the
// next one. Most look-ups read this line and, when the tag fits, a record.
struct alignas(64) Bucket {
  static constexpr std::size_t slots = 10;
  std::array<std::uint16_t, 12> tags;  // of each slot, or 0: free; then that of passed(); the last one is not used
  std::array<Arena::Place, slots> places;

  static std::uint16_t tag_of(std::uint64_t hash) { return static_cast<std::uint16_t>(hash | 1); }
  bool full() const { return tags[slots - 1] != 0; }
  void add(std::uint16_t tag, Arena::Place place) {
    assert(!full());
    const auto slot = static_cast<std::size_t>(std::find(tags.begin(), tags.end(), 0) - tags.begin());
    tags[slot] = tag;
    places[slot] = place;
  }
  // Of the lowest bit of with_tag().
  Arena::Place first_place(unsigned same) const { return places[static_cast<unsigned>(std::countr_zero(same))]; }
  // Has a key gone on to the next bucket?
  bool passed() const { return tags[slots] != 0; }
  void pass() { tags[slots] = 2; }  // even: no key's tag
  // A bit for each slot with this tag. Without branches: which slot it is cannot be guessed.
  unsigned with_tag(std::uint16_t tag) const {
#ifdef __SSE2__
    __m128i first, others = _mm_setzero_si128();
    std::memcpy(&first, &tags[0], sizeof first);
    std::memcpy(&others, &tags[8], sizeof tags - sizeof first);
    const auto wanted = _mm_set1_epi16(static_cast<short>(tag));
    const auto same = _mm_packs_epi16(_mm_cmpeq_epi16(first, wanted), _mm_cmpeq_epi16(others, wanted));
    return static_cast<unsigned>(_mm_movemask_epi8(same));
#else
    unsigned found = 0;
    for (std::size_t i = 0; i < slots; ++i) found |= (tags[i] == tag ? 1u : 0u) << i;
    return found;
#endif
  }
};
static_assert(sizeof(Bucket) == 64);

constexpr std::uint64_t bit_of(std::uint64_t n) { return std::uint64_t{1} << n % 64; }

// From 0, below `size`, by the upper bits.
std::size_t scaled(std::uint64_t hash, std::size_t size) {
  return static_cast<std::size_t>((static_cast<unsigned __int128>(hash) * size) >> 64);
}

// Three bits of one word for each key: of the texts that are no key one in a hundred gets through. A processor keeps it
// in its cache where the buckets do not fit; few keys do not need it, and many would not fit either.
class Sieve {
 public:
  Sieve() = default;
  explicit Sieve(std::size_t keys) {
    if (keys >= fewest_keys && keys <= most_keys) words_.resize(keys / keys_per_word + 1);
  }

  void add(std::uint64_t hash) {
    if (!words_.empty()) words_[scaled(hash, words_.size())] |= bits(hash);
  }
  bool may_hold(std::uint64_t hash) const {
    return words_.empty() || (words_[scaled(hash, words_.size())] & bits(hash)) == bits(hash);
  }
  std::size_t memory() const { return words_.capacity() * sizeof(std::uint64_t); }

 private:
  static constexpr std::size_t fewest_keys = 1u << 12, most_keys = 1u << 17, keys_per_word = 4;

  static std::uint64_t bits(std::uint64_t hash) { return bit_of(hash) | bit_of(hash >> 6) | bit_of(hash >> 12); }

  LargeVector<std::uint64_t> words_;
};

}  // namespace

// A processor looks a few hundred instructions ahead: the shorter a look-up, the more of them wait for memory at once.
// So find() is short, for what most look-ups are, and leaves the others, from the start, to find_carefully().
struct ExactIndex::Data {
  explicit Data(Arena all);
  Data& operator=(Data&&) = delete;

  std::span<const std::uint32_t> find(std::string_view key) const {
    const auto h = hash(key);
    if (!sieve.may_hold(h)) return {};
    const auto& bucket = buckets[home(h)];
    if (const auto same = bucket.with_tag(Bucket::tag_of(h)); same != 0) {
      if (const auto record = arena[bucket.first_place(same)]; record.surely_holds(key)) return all_of(record.id());
    } else if (!bucket.passed()) {
      return {};
    }
    return find_carefully(key, h);
  }
  [[gnu::noinline]] std::span<const std::uint32_t> find_carefully(std::string_view key, std::uint64_t hash) const {
    const auto place = look_up(key, hash);
    return place ? all_of(arena[*place].id()) : std::span<const std::uint32_t>{};
  }
  std::optional<Arena::Place> look_up(std::string_view key, std::uint64_t hash) const;
  std::span<const std::uint32_t> all_of(const Record::Id& id) const {
    if ((id & several_bit) == 0) return {&id, 1};
    const auto list = id & ~several_bit;
    return std::span{ids}.subspan(several[list], several[list + 1] - several[list]);
  }

  static std::uint64_t hash(std::string_view key) { return XXH3_64bits(key.data(), key.size()); }
  std::size_t home(std::uint64_t hash) const { return scaled(hash, buckets.size()); }
  std::size_t next(std::size_t bucket) const { return bucket + 1 == buckets.size() ? 0 : bucket + 1; }

  void insert(Arena::Place place, std::uint64_t hash);
  // Other ids of keys that were there before, each beside the place of the key.
  using Repeated = std::vector<std::pair<Arena::Place, std::uint32_t>>;
  void collect(Repeated repeated);

  Arena arena;
  Sieve sieve;
  LargeVector<Bucket> table;
  std::span<const Bucket> buckets{table};  // knows its size; a vector would compute it for each look-up
  std::size_t keys = 0;
  LargeVector<std::uint32_t> several{0};  // where in `ids` the ids of a key with several begin
  LargeVector<std::uint32_t> ids;
};

// Of ten slots 5.6 are used, or fewer. So one key in a hundred lies in another bucket than its own, and of texts that
// are no key one in thirty is looked for there: a processor that guesses reads the lines of several look-ups at once.
ExactIndex::Data::Data(Arena all)
    : arena{std::move(all)}, sieve{arena.size()}, table(arena.size() * 5 / 28 + 1) {
  Repeated repeated;
  arena.for_each([&](Arena::Place place, const Record& record) {
    const auto h = hash(record.text());
    if (const auto before = look_up(record.text(), h)) {
      if (arena[*before].id() != record.id()) repeated.emplace_back(*before, record.id());
    } else {
      insert(place, h);
      sieve.add(h);
      ++keys;
    }
  });
  collect(std::move(repeated));
}

std::optional<Arena::Place> ExactIndex::Data::look_up(std::string_view key, std::uint64_t hash) const {
  for (auto at = home(hash);; at = next(at)) {
    const auto& bucket = buckets[at];
    for (auto rest = bucket.with_tag(Bucket::tag_of(hash)); rest != 0; rest &= rest - 1) {
      if (const auto place = bucket.first_place(rest); arena[place].text() == key) return place;
    }
    if (!bucket.passed()) return std::nullopt;
  }
}

void ExactIndex::Data::insert(Arena::Place place, std::uint64_t hash) {
  auto at = home(hash);
  for (; table[at].full(); at = next(at)) table[at].pass();
  table[at].add(Bucket::tag_of(hash), place);
}

// Makes the lists of the keys that have several ids.
void ExactIndex::Data::collect(Repeated repeated) {
  std::sort(repeated.begin(), repeated.end());
  for (std::size_t i = 0; i < repeated.size();) {
    const auto place = repeated[i].first;
    std::vector<std::uint32_t> all{arena[place].id()};
    for (; i < repeated.size() && repeated[i].first == place; ++i) all.push_back(repeated[i].second);
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    arena.set_id(place, several_bit | static_cast<std::uint32_t>(several.size() - 1));
    ids.insert(ids.end(), all.begin(), all.end());
    several.push_back(static_cast<std::uint32_t>(ids.size()));
  }
  ids.shrink_to_fit();
  several.shrink_to_fit();
}

struct ExactIndex::Builder::State {
  Arena arena;
};

ExactIndex::Builder::Builder() = default;
ExactIndex::Builder::~Builder() = default;
ExactIndex::Builder::Builder(Builder&&) noexcept = default;
ExactIndex::Builder& ExactIndex::Builder::operator=(Builder&&) noexcept = default;

void ExactIndex::Builder::add(std::string_view key, std::uint32_t id) {
  assert(id < id_limit);
  if (!state_) state_ = std::make_unique<State>();
  state_->arena.add(key, id);
}

ExactIndex ExactIndex::Builder::build() && {
  if (!state_) return {};
  const auto state = std::exchange(state_, nullptr);
  return ExactIndex{std::make_unique<const Data>(std::move(state->arena))};
}

ExactIndex::ExactIndex() = default;
ExactIndex::ExactIndex(std::unique_ptr<const Data> data) : data_{std::move(data)} {}
ExactIndex::ExactIndex(ExactIndex&&) noexcept = default;
ExactIndex& ExactIndex::operator=(ExactIndex&&) noexcept = default;
ExactIndex::~ExactIndex() = default;

std::span<const std::uint32_t> ExactIndex::find(std::string_view key) const {
  return data_ ? data_->find(key) : std::span<const std::uint32_t>{};
}
std::size_t ExactIndex::size() const {
  return data_ ? data_->keys : 0;
}
std::size_t ExactIndex::memory() const {
  if (!data_) return 0;
  return sizeof(Data) + data_->arena.memory() + data_->sieve.memory() + data_->table.capacity() * sizeof(Bucket) +
         (data_->several.capacity() + data_->ids.capacity()) * sizeof(std::uint32_t);
}

// --- domains ---------------------------------------------------------------------------------------------

namespace {

constexpr int most_labels = 128;

std::string_view without_trailing_dots(std::string_view domain) {
  while (domain.ends_with('.')) domain.remove_suffix(1);
  return domain;
}

}  // namespace

void DomainIndex::Builder::add(std::string_view domain, std::uint32_t id) {
  assert(id < id_limit / 2);
  domain = without_trailing_dots(domain);
  const bool below_only = domain.starts_with('.');
  if (below_only) domain.remove_prefix(1);
  if (domain.empty()) return;
  sizes_ |= bit_of(domain.size());
  keys_.add(domain, 2 * id + (below_only ? 1 : 0));
}

DomainIndex DomainIndex::Builder::build() && {
  DomainIndex index;
  index.sizes_ = sizes_;
  index.keys_ = std::move(keys_).build();
  return index;
}

// Asks about the domains that the host lies in and that are as long as some key.
void DomainIndex::find(std::string_view host, IdList& out) const {
  host = without_trailing_dots(host);
  auto end = host.size();  // of the part still to be cut into labels
  for (int label = 0; label < most_labels && end > 0; ++label) {
    const auto dot = find_last(host.substr(0, end), '.');
    const bool whole = dot == host.npos;
    const auto domain = host.substr(whole ? 0 : dot + 1);
    end = whole ? 0 : dot;
    if ((sizes_ & bit_of(domain.size())) == 0) continue;
    for (const auto id : keys_.find(domain))
      if (!(whole && id % 2 == 1)) out.push_back(id / 2);
  }
}

// --- prefixes and suffixes -----------------------------------------------------------------------------------

namespace {

std::string_view affix_of(std::string_view value, Affix affix, std::size_t size) {
  return affix == Affix::prefix ? value.substr(0, size) : value.substr(value.size() - size);
}

// The empty key has none: 0 stands for it.
unsigned char open_end(std::string_view key, Affix affix) {
  if (key.empty()) return 0;
  return static_cast<unsigned char>(affix == Affix::prefix ? key.back() : key.front());
}

// The window is the first 64 bytes of a value, or its last ones: each place in it is the open end of keys of one size.
constexpr std::size_t window = 64;
bool has_place(std::size_t size) { return size > 0 && size <= window; }
std::size_t place_of(std::size_t size, Affix affix) { return affix == Affix::prefix ? size - 1 : window - size; }
std::size_t size_at(std::size_t place, Affix affix) { return affix == Affix::prefix ? place + 1 : window - place; }

// A bit for each of at most 64 bytes: is it this one?
std::uint64_t places_of(unsigned char byte, std::string_view text) {
  std::uint64_t found = 0;
#ifdef __SSE2__
  constexpr std::size_t step = 16;
  if (text.size() >= step) {
    const auto wanted = _mm_set1_epi8(static_cast<char>(byte));
    const auto look_at = [&](std::size_t from) {
      __m128i some;
      std::memcpy(&some, text.data() + from, sizeof some);
      const auto same = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(some, wanted)));
      found |= std::uint64_t{same} << from;
    };
    for (std::size_t from = 0; from + step < text.size(); from += step) look_at(from);
    look_at(text.size() - step);
    return found;
  }
#endif
  for (std::size_t i = 0; i < text.size(); ++i)
    found |= std::uint64_t{static_cast<unsigned char>(text[i]) == byte} << i;
  return found;
}

}  // namespace

void AffixIndex::Builder::add(std::string_view key, std::uint32_t id) {
  const auto end = open_end(key, affix_);
  if (has_place(key.size())) {
    places_[end] |= bit_of(place_of(key.size(), affix_));
  } else {
    elsewhere_[key.size()] |= bit_of(end);
  }
  keys_.add(key, id);
}

AffixIndex AffixIndex::Builder::build() && {
  constexpr std::size_t most_common = 4;
  constexpr int many = 4;  // lengths; fewer are glanced at as quickly
  AffixIndex index;
  index.affix_ = affix_;
  std::vector<CommonEnd> ends;
  for (unsigned byte = 0; byte < places_.size(); ++byte)
    if (places_[byte] != 0) ends.push_back({static_cast<unsigned char>(byte), places_[byte]});
  std::ranges::sort(ends, std::ranges::greater{}, [](const CommonEnd& end) { return std::popcount(end.places); });
  for (const auto& [byte, places] : ends) {
    if (index.common_.size() < most_common && std::popcount(places) >= many) {
      index.common_.push_back({byte, places});
    } else {
      for (auto rest = places; rest != 0; rest &= rest - 1)
        elsewhere_[size_at(static_cast<std::size_t>(std::countr_zero(rest)), affix_)] |= bit_of(byte);
    }
  }
  for (const auto& [size, open_ends] : elsewhere_) index.lengths_.push_back({size, open_ends});
  index.keys_ = std::move(keys_).build();
  return index;
}

bool AffixIndex::is_common(std::string_view key) const {
  return has_place(key.size()) && std::ranges::find(common_, open_end(key, affix_), &CommonEnd::byte) != common_.end();
}

void AffixIndex::find(std::string_view value, IdList& out) const {
  const auto probe = [&](std::string_view key) {
    const auto ids = keys_.find(key);
    out.insert(out.end(), ids.begin(), ids.end());
  };
  const auto text = affix_of(value, affix_, std::min(value.size(), window));
  const auto shift = affix_ == Affix::prefix || text.empty() ? 0 : window - text.size();
  for (const auto& [byte, places] : common_) {
    for (auto rest = places_of(byte, text) << shift & places; rest != 0; rest &= rest - 1)
      probe(affix_of(text, affix_, size_at(static_cast<std::size_t>(std::countr_zero(rest)), affix_)));
  }
  for (const auto& [size, open_ends] : lengths_) {
    if (size > value.size()) break;
    const auto key = affix_of(value, affix_, size);
    if ((open_ends & bit_of(open_end(key, affix_))) != 0 && !is_common(key)) probe(key);
  }
}

}  // namespace policymux
