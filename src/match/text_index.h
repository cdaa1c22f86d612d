// Which of many texts does a value equal, begin with, end with, or lie below? Hash tables over an arena of
// keys; immutable once built. Keys and values must already be folded where case does not count.
#pragma once

#include <cstdint>
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
//   Limits  about 16 GiB of keys: add() throws std::length_error.
class ExactIndex {
 public:
  // Keeps keys where they will stay; build() adds the hash table, with their ids. So the keys never exist twice.
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

// Prefixes or suffixes. Cost: for each distinct length among the keys that the value can have a glance at
// one byte, and a probe where some key of that length has that byte at its open end.
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
    std::vector<std::uint64_t> open_ends_;  // by length
    ExactIndex::Builder keys_;
  };
  void find(std::string_view value, IdList& out) const;  // an id perhaps more than once
  std::size_t memory() const { return lengths_.capacity() * sizeof(Length) + keys_.memory(); }

 private:
  struct Length {
    std::size_t size;
    std::uint64_t open_ends;  // a bit for each byte (modulo 64) at which a key of this length may end
  };
  Affix affix_ = Affix::prefix;
  std::vector<Length> lengths_;  // ascending, distinct
  ExactIndex keys_;
};

}  // namespace policymux
