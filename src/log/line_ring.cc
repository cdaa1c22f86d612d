#include "log/line_ring.h"

#include <cassert>
#include <cstring>

namespace policymux {

LineRing::LineRing(std::size_t bytes) : bytes_{bytes}, block_{new char[bytes]}, end_{bytes} {
  assert(bytes > sizeof(Size));
}

LineRing::Size LineRing::size_at(std::size_t at) const {
  Size size;
  std::memcpy(&size, &block_[at], sizeof size);
  return size;
}

std::size_t LineRing::after(std::size_t at) const {
  const auto next = at + sizeof(Size) + size_at(at);
  return next == end_ ? 0 : next;
}

// Makes tail_ a place where `bytes` fit in one piece.
bool LineRing::has_room(std::size_t bytes) {
  if (lines_ == 0) {
    head_ = tail_ = 0;
    end_ = bytes_;
  }
  const bool wrapped = tail_ < head_ || (tail_ == head_ && lines_ > 0);
  if (wrapped) return head_ - tail_ >= bytes;
  if (bytes_ - tail_ >= bytes) return true;
  if (head_ < bytes) return false;
  end_ = tail_;
  tail_ = 0;
  return true;
}

bool LineRing::push(std::string_view line) {
  if (line.size() > bytes_ - sizeof(Size) || !has_room(sizeof(Size) + line.size())) return false;
  const auto size = static_cast<Size>(line.size());
  std::memcpy(&block_[tail_], &size, sizeof size);
  line.copy(&block_[tail_] + sizeof size, line.size());
  tail_ += sizeof size + line.size();
  ++lines_;
  return true;
}

std::size_t LineRing::peek(std::span<iovec> out) const {
  std::size_t count = 0;
  for (auto at = head_; count < out.size() && count < lines_; at = after(at)) {
    out[count++] = {.iov_base = &block_[at + sizeof(Size)], .iov_len = size_at(at)};
  }
  return count;
}

void LineRing::pop(std::size_t lines) {
  assert(lines <= lines_);
  for (; lines > 0; --lines, --lines_) {
    head_ = after(head_);
    if (head_ == 0) end_ = bytes_;
  }
}

}  // namespace policymux
