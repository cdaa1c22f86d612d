// How many of many sorted keys are at most a given one? For large arrays: two reads of memory that no cache holds.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/large_pages.h"

namespace policymux {

// Sorted keys, and a directory that leads into them: the span from the first key to the last one is cut into slots of
// equal width, and a slot knows where its keys begin. Most slots hold few keys, which are all looked at; where keys
// crowd, a slot has a directory of its own. Runs that are too long to be looked at and too short for a directory are
// entered from above, through rows of fences: each eighth key, and each eighth of those.
//   Memory  beside the keys a seventh of them, and half a byte to 2 bytes a key for each directory on the way to it.
//   Cost    a slot and a cache line or two of keys where keys lie evenly, in any part of their span; one slot more for
//           each step down from a sparse part into a dense one.
template <class Key>
class SortedKeys {
 public:
  SortedKeys() : SortedKeys{LargeVector<Key>{}} {}
  // REQUIRES: ascending, distinct, fewer than 2^30.
  explicit SortedKeys(LargeVector<Key> keys) : size_{keys.size()} {
    assert(size_ <= index_mask);
    rows_[0] = std::move(keys);
    for (std::size_t r = 1; r < rows_.size(); ++r)
      for (std::size_t i = 0; i < rows_[r - 1].size(); i += width) rows_[r].push_back(rows_[r - 1][i]);
    root_ = file(0, size_);
    for (auto& row : rows_) {
      row.insert(row.end(), width, std::numeric_limits<Key>::max());
      row.shrink_to_fit();
    }
    slots_.shrink_to_fit();
  }

  std::size_t size() const { return size_; }
  Key operator[](std::size_t i) const { return rows_[0][i]; }
  std::size_t memory() const {
    auto sum = slots_.capacity() * sizeof(Place) + directories_.capacity() * sizeof(Directory);
    for (const auto& row : rows_) sum += row.capacity() * sizeof(Key);
    return sum;
  }

  static constexpr std::size_t width = 8;

  // How many keys are at most `key`. Before the keys are read, `near(i)` tells that the result will lie between i and
  // i + width: time to prefetch what belongs to them.
  template <class Near>
  std::size_t rank(Key key, Near near) const {
    auto place = root_;
    while (row_of(place) == directory) place = slots_[directories_[place & index_mask].slot(key)];
    auto row = row_of(place);
    auto at = begin_in(row, place & index_mask);
    for (; row > 0; --row) {
      const auto n = at_most(&rows_[row][at], key);
      at = (std::min(at + std::max<std::size_t>(n, 1), rows_[row].size() - width) - 1) * width;
    }
    near(at);
    return std::min(at + at_most(&rows_[0][at], key), size_);
  }

 private:
  // Where a slot's keys are found: the index of the first one, and above it the row in which to begin; or the index of
  // a directory.
  using Place = std::uint32_t;
  static constexpr unsigned index_bits = 30;
  static constexpr Place index_mask = (1u << index_bits) - 1;
  static constexpr std::size_t rows = 3, directory = rows;
  static constexpr std::size_t keys_per_slot = 4;  // on average, or half or twice as many

  struct Directory {
    Key first;
    std::uint32_t begin, last;  // in slots_; the last slot, from 0
    unsigned shift;
    std::size_t slot(Key key) const {
      return begin + static_cast<std::size_t>(std::min<Key>((key < first ? 0 : key - first) >> shift, last));
    }
  };

  static std::size_t row_of(Place place) { return place >> index_bits; }
  static std::size_t begin_in(std::size_t row, std::size_t key) { return key >> row * std::countr_zero(width); }
  static std::size_t at_most(const Key* keys, Key key) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < width; ++i) n += keys[i] <= key ? 1u : 0u;
    return n;
  }

  // The lowest row in which `width` entries, from the one of `begin` on, reach to the keys before `end`. (That they may
  // reach further does not matter: who looks here asks about a key that is less than what lies there.)
  Place file(std::size_t begin, std::size_t end) {
    std::size_t row = 0;
    while (row < rows && end > begin && begin_in(row, end - 1) - begin_in(row, begin) >= width) ++row;
    return static_cast<Place>(row << index_bits | (row == directory ? divide(begin, end) : begin));
  }

  // Makes a directory for these keys: its index.
  std::size_t divide(std::size_t begin, std::size_t end) {
    const auto* const keys = rows_[0].data();
    const Key first = keys[begin], span = keys[end - 1] - first;
    const auto slots_bits = static_cast<int>(std::bit_width((end - begin) / keys_per_slot));
    const auto shift = static_cast<unsigned>(std::max(0, static_cast<int>(std::bit_width(span)) - slots_bits));
    const auto slots = slots_.size();
    const auto last = static_cast<std::size_t>(span >> shift);
    const auto index = directories_.size();
    directories_.push_back({first, static_cast<std::uint32_t>(slots), static_cast<std::uint32_t>(last), shift});
    slots_.resize(slots + last + 1);
    for (std::size_t slot = 0; slot <= last; ++slot) {
      const auto from = begin;
      while (begin < end && static_cast<std::size_t>((keys[begin] - first) >> shift) == slot) ++begin;
      slots_[slots + slot] = file(from, begin);
    }
    return index;
  }

  std::size_t size_;
  std::array<LargeVector<Key>, rows> rows_;  // the keys, each eighth of them, ...; then `width` greatest keys
  LargeVector<Place> slots_;
  std::vector<Directory> directories_;
  Place root_ = 0;
};

}  // namespace policymux
