// A bounded queue of lines in one block of memory.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace policymux {

//   Memory  `bytes`, allocated once; a line takes four bytes beside its own and is never split.
//   Cost    O(1) and a copy of the line.
class LineRing {
 public:
  explicit LineRing(std::size_t bytes);

  bool empty() const { return lines_ == 0; }
  bool push(std::string_view line);  // false: no room for it, nothing changed

  // The oldest lines, as many as `out` holds; returns how many. They point into the ring until they are popped.
  std::size_t peek(std::span<iovec> out) const;
  void pop(std::size_t lines);       // REQUIRES: so many are there

 private:
  using Size = std::uint32_t;
  Size size_at(std::size_t at) const;
  std::size_t after(std::size_t at) const;
  bool has_room(std::size_t bytes);

  std::size_t bytes_;
  std::unique_ptr<char[]> block_;
  std::size_t head_ = 0;   // the oldest line
  std::size_t tail_ = 0;   // where the next one goes
  std::size_t end_;        // where the lines at the back of the block end, and those at its front go on
  std::size_t lines_ = 0;
};

}  // namespace policymux
