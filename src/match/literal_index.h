// Which of many short texts occur anywhere in a value? A filter for patterns: see RegexIndex.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/large_pages.h"

namespace policymux {

// Each text is filed under its rarest run of four bytes (of two, if it is shorter than four). A look-up
// hashes every run of the value and compares texts only where one is filed. Immutable once built.
class LiteralIndex {
 public:
  static constexpr std::size_t shortest = 2;
  // find() may read this much behind a value.
  static constexpr std::size_t padding = 3;

  class Builder {
   public:
    // REQUIRES: shortest <= text.size() < 65,536.
    void add(std::string_view text, std::uint32_t payload) { texts_.push_back({std::string{text}, payload}); }
    LiteralIndex build() &&;

   private:
    friend class LiteralIndex;
    struct Text {
      std::string text;
      std::uint32_t payload;
    };
    std::vector<Text> texts_;
  };

  bool empty() const { return entries_.empty(); }
  // Calls visit(payload) for each text at each place where it occurs.
  // REQUIRES: `padding` more bytes can be read behind `value`.
  template <class Visit>
  void find(std::string_view value, Visit visit) const {
    for (const auto& table : tables_)
      if (!table.starts.empty()) find_in(table, value, visit);
  }

 private:
  struct Entry {
    std::uint32_t text;        // offset into texts_
    std::uint16_t size, gram;  // of the text; where in it is its run
    std::uint32_t payload;
  };
  // The entries whose run has hash h are those from starts[h] to starts[h + 1].
  struct Table {
    std::size_t gram_size = 0;
    std::uint32_t mask = 0;
    unsigned shift = 0;
    LargeVector<std::uint32_t> starts{};
    LargeVector<std::uint64_t> used{};  // a bit for each hash that has entries: fits where `starts` does not

    bool has(std::uint32_t slot) const { return (used[slot / 64] >> (slot % 64) & 1) != 0; }
    // REQUIRES: four bytes can be read.
    std::uint32_t slot(const char* gram) const {
      std::uint32_t bits = 0;
      std::memcpy(&bits, gram, sizeof bits);
      return (bits & mask) * 0x9e3779b1u >> shift;
    }
  };

  void add_table(std::size_t gram_size, std::vector<const Builder::Text*> texts);

  template <class Visit>
  void find_in(const Table& table, std::string_view value, Visit& visit) const {
    for (std::size_t at = 0; at + table.gram_size <= value.size(); ++at) {
      const auto slot = table.slot(value.data() + at);
      if (!table.has(slot)) continue;
      for (auto i = table.starts[slot]; i < table.starts[slot + 1]; ++i) {
        const auto& entry = entries_[i];
        if (at < entry.gram || value.size() - (at - entry.gram) < entry.size) continue;
        if (std::memcmp(value.data() + (at - entry.gram), &texts_[entry.text], entry.size) == 0) visit(entry.payload);
      }
    }
  }

  std::array<Table, 2> tables_;
  LargeVector<Entry> entries_;
  std::string texts_;
};

}  // namespace policymux
