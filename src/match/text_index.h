// Which of many texts does a value equal, begin with, end with, or lie below? Hash tables over an arena of
// keys; immutable once built. Keys and values must already be folded where case does not count.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace policymux {

// What find() adds to: ids of everything that matched, in no order, an id perhaps more than once.
using IdList = std::vector<std::uint32_t>;

// Text to ids. Open addressing over a text arena (xxh3).
//   Memory  at most 44 bytes an entry beside what a key of 25 bytes needs in the arena: see DESIGN.md.
//   Cost    at most 110 ns a look-up among 10,000,000 once warm; no allocation.
class ExactIndex {
 public:
  class Builder {
   public:
    Builder();
    ~Builder();
    Builder(Builder&&) noexcept;
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

  std::span<const std::uint32_t> find(std::string_view key) const;  // points into the index
  std::size_t size() const;    // distinct keys
  std::size_t memory() const;  // bytes

 private:
  friend class Builder;
  struct Data;
  std::unique_ptr<const Data> data_;
};

// Domains: "x.org" holds x.org and everything below, ".x.org" only what lies below. Trailing dots of keys
// and values do not count. Cost: one probe for each label of the value (of the last 128 labels).
class DomainIndex {
 public:
  class Builder {
   public:
    void add(std::string_view domain, std::uint32_t id);
    DomainIndex build() &&;
   private:
    ExactIndex::Builder exact_, below_;
  };
  void find(std::string_view host, IdList& out) const;
  std::size_t memory() const;

 private:
  ExactIndex exact_, below_;  // exact_: the domain itself and below; below_: below only
};

// Prefixes or suffixes. Cost: one probe for each distinct length among the keys that the value can have.
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
    std::vector<std::uint32_t> lengths_;
    ExactIndex::Builder keys_;
  };
  void find(std::string_view value, IdList& out) const;
  std::size_t memory() const;

 private:
  Affix affix_ = Affix::prefix;
  std::vector<std::uint32_t> lengths_;  // ascending, distinct
  ExactIndex keys_;
};

}  // namespace policymux
