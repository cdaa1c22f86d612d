// Binary search for large arrays: sorted keys in blocks of one cache line, and above them, level by level,
// rows of fences, the first key of each block. A look-up among n keys reads log(n)/log(keys a line) lines,
// whatever the distribution of the keys, and the upper rows stay in the cache.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "match/large_pages.h"

namespace policymux {

template <class Key>
class Fences {
 public:
  Fences() = default;
  // REQUIRES: ascending, distinct.
  explicit Fences(std::span<const Key> keys) : size_{keys.size()} {
    if (keys.empty()) return;
    std::vector<Key> row{keys.begin(), keys.end()};
    std::vector<std::vector<Key>> rows;  // the keys, their fences, the fences of those, ...
    while (row.size() > width) {
      std::vector<Key> above;
      for (std::size_t i = 0; i < row.size(); i += width) above.push_back(row[i]);
      rows.push_back(std::exchange(row, std::move(above)));
    }
    rows.push_back(std::move(row));
    std::size_t blocks = 0;
    for (const auto& r : rows) blocks += (r.size() + width - 1) / width;
    blocks_.reserve(blocks);
    for (auto r = rows.rbegin(); r != rows.rend(); ++r) add_row(*r);
  }

  std::size_t size() const { return size_; }
  static constexpr std::size_t width = 64 / sizeof(Key);
  std::size_t memory() const { return blocks_.capacity() * sizeof(Block) + rows_.capacity() * sizeof(Row); }

  // How many keys are at most `key`. Before the last row is read, `near(i)` tells that the result will lie
  // between i and i + width: time to prefetch what belongs to these keys.
  template <class Near>
  std::size_t rank(Key key, Near near) const {
    std::size_t block = 0, rank = 0;
    for (const auto& row : rows_) {
      if (&row == &rows_.back()) near(block * width);
      rank = std::min(block * width + blocks_[row.begin + block].rank(key), row.size);
      if (rank == 0) return 0;
      block = rank - 1;
    }
    return rank;
  }

  Key operator[](std::size_t i) const { return blocks_[rows_.back().begin + i / width].keys[i % width]; }

 private:
  // The last block of a row is filled up with the greatest key; rank() cuts what that adds.
  struct alignas(64) Block {
    std::array<Key, width> keys;
    std::size_t rank(Key key) const {
      std::size_t n = 0;
      for (const auto k : keys) n += k <= key ? 1u : 0u;
      return n;
    }
  };
  struct Row {
    std::size_t begin, size;  // first block; keys
  };

  void add_row(std::span<const Key> keys) {
    rows_.push_back({blocks_.size(), keys.size()});
    for (; !keys.empty(); keys = keys.subspan(std::min(width, keys.size()))) {
      auto& block = blocks_.emplace_back();
      block.keys.fill(std::numeric_limits<Key>::max());
      std::copy_n(keys.begin(), std::min(width, keys.size()), block.keys.begin());
    }
  }

  std::size_t size_ = 0;
  LargeVector<Block> blocks_;
  std::vector<Row> rows_;  // the top row first, the keys last
};

}  // namespace policymux
