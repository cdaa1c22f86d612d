// Which of many texts does a value equal, begin with, end with, or lie below? Hash tables over an arena of
// keys; immutable once built. Keys and values must already be folded where case does not count.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "match/id_list.h"

namespace policymux {

// Text to ids. Open addressing over a text arena (xxh3).
//   Memory  among 10,000,000 keys of 25 bytes at most 44 bytes each, the key included.
//   Cost    one read of memory that no cache holds for a text that is none of many keys, two for one that is (measured
//           in doc/performance.md); no allocation.
//   Limits  about 16 GiB of keys, each with its id and up to eight bytes more: add() throws std::length_error.
class ExactIndex {
 public:
  // Keeps keys where they will stay, each with its id; build() adds the hash table. So the keys never exist twice.
  class Builder {
   public:
    Builder();
    ~Builder();
    Builder(Builder&&) noexcept;
    Builder& operator=(Builder&&) noexcept;
    void add(std::string_view key, std::uint32_t id);  // the same key may be added with several ids
    ExactIndex build() &&;

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

  ExactIndex();
  ExactIndex(ExactIndex&&) noexcept;
  ExactIndex& operator=(ExactIndex&&) noexcept;
  ~ExactIndex();

  // Ascending, each once. Points into the index.
  std::span<const std::uint32_t> find(std::string_view key) const;
  std::size_t size() const;    // distinct keys
  std::size_t memory() const;  // bytes

 private:
  struct Data;
  explicit ExactIndex(std::unique_ptr<const Data> data);
  std::unique_ptr<const Data> data_;
};

// Domains: "x.org" holds x.org and everything below, ".x.org" only what lies below. Trailing dots of keys
// and values do not count; an empty key or value matches nothing.
//   Cost    a probe for each label of the value (of its last 128) that a key as long could begin with.
//   Limits  ids below id_limit / 2.
class DomainIndex {
 public:
  class Builder {
   public:
    void add(std::string_view domain, std::uint32_t id);
    DomainIndex build() &&;

   private:
    std::uint64_t sizes_ = 0;
    ExactIndex::Builder keys_;
  };
  void find(std::string_view host, IdList& out) const;  // an id perhaps more than once
  std::size_t memory() const { return keys_.memory(); }

 private:
  std::uint64_t sizes_ = 0;  // a bit for each size (modulo 64) that keys have
  ExactIndex keys_;          // to twice the id, plus one where the domain itself is left out
};

// Prefixes or suffixes. A key's open end is its last byte (of a prefix) or its first one (of a suffix); keys of many
// lengths often share it: '.' or '@'.
//   Cost    the up to four open ends that keys of most lengths share are looked for in 64 bytes at once; for the other
//           keys, and for longer ones, a glance at one byte for each distinct length; then a probe for each key that
//           the value may have.
enum class Affix : std::uint8_t { prefix, suffix };
class AffixIndex {
 public:
  class Builder {
   public:
    explicit Builder(Affix affix) : affix_{affix} {}
    void add(std::string_view key, std::uint32_t id);
    AffixIndex build() &&;

   private:
    Affix affix_;
    std::array<std::uint64_t, 256> places_{};         // by open end: of the keys that the window holds
    std::map<std::size_t, std::uint64_t> elsewhere_;  // by length: open ends of the empty key and of longer ones
    ExactIndex::Builder keys_;
  };
  void find(std::string_view value, IdList& out) const;  // for each key once: an id that several keys have more often
  std::size_t memory() const {
    return common_.capacity() * sizeof(CommonEnd) + lengths_.capacity() * sizeof(Length) + keys_.memory();
  }

 private:
  struct CommonEnd {
    unsigned char byte;
    std::uint64_t places;  // in the window, the value's 64 bytes at the affix's end: where keys may have this open end
  };
  struct Length {
    std::size_t size;
    std::uint64_t open_ends;  // a bit for each byte (modulo 64) that a key of this length may have there
  };
  bool is_common(std::string_view key) const;

  Affix affix_ = Affix::prefix;
  std::vector<CommonEnd> common_;
  std::vector<Length> lengths_;  // ascending, distinct: of keys with other open ends, and of those not for the window
  ExactIndex keys_;
};

}  // namespace policymux
