// What programs write to their standard error, on its way to the log: bounded lines, and not too many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"

namespace policymux {

// Cuts what arrives in pieces into lines. Empty lines are left out, of long ones all but the first `limit` bytes.
class LineCutter {
 public:
  static constexpr std::size_t limit = 1000;

  // Calls line(std::string_view) for each line that ends in the piece.
  template <class Line>
  void take(std::string_view piece, Line line) {
    for (auto end = piece.find('\n'); end != piece.npos; end = piece.find('\n')) {
      keep(piece.substr(0, end));
      piece.remove_prefix(end + 1);
      finish(line);
    }
    keep(piece);
  }

  // What has no end of line yet is one.
  template <class Line>
  void finish(Line line) {
    const auto whole = std::exchange(begun_, {});
    if (!whole.empty()) line(std::string_view{whole});
  }

 private:
  void keep(std::string_view part) { begun_ += part.substr(0, limit - begun_.size()); }

  std::string begun_{};
};

// May one more line be logged? A burst of them at once, and so many a second. Without a clock: times are handed in.
class LineBudget {
 public:
  static constexpr std::uint64_t burst = 100, per_second = 10;

  bool take(SteadyTime now);
  // How many were left out since this was last asked.
  std::uint64_t left_out() { return std::exchange(left_out_, 0); }

 private:
  std::uint64_t lines_ = burst;  // that may be logged now
  SteadyTime filled_ = SteadyTime::min();
  std::uint64_t left_out_ = 0;
};

}  // namespace policymux
