// Numbers compared with bounds: sizes, counts, ports, scores.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/result.h>

namespace policymux {

struct NumberRange {
  std::int64_t first = std::numeric_limits<std::int64_t>::min();
  std::int64_t last = std::numeric_limits<std::int64_t>::max();  // both included
  bool contains(std::int64_t n) const { return first <= n && n <= last; }
  bool operator==(const NumberRange&) const = default;
};

// What a bare N means, and how numbers are written.
enum class NumberSyntax : std::uint8_t {
  count,  // N is equality; whole numbers, K M G allowed (powers of 1024)
  size,   // N is "larger than N"; otherwise as count
  score,  // N is equality; signed decimals with at most three places, held in thousandths
};

// "N", ">N", ">=N", "<N", "<=N", "=N", "A-B". The error quotes the piece.
Result<NumberRange, std::string> parse_number_range(std::string_view text, NumberSyntax syntax);
std::string to_string(const NumberRange& range, NumberSyntax syntax);

// A signed decimal with at most three places, in thousandths: "-1.5" is -1500.
std::optional<std::int64_t> parse_thousandths(std::string_view text);
// The shortest form: 3000 is "3", 3500 is "3.5".
std::string format_thousandths(std::int64_t thousandths);

// Which of many ranges hold a number? Sorted bounds; find() is a binary search.
class NumberIndex {
 public:
  class Builder {
   public:
    void add(const NumberRange& range, std::uint32_t id) { entries_.push_back({range, id}); }
    NumberIndex build() &&;
   private:
    struct Entry { NumberRange range; std::uint32_t id; };
    std::vector<Entry> entries_;
  };

  // The ids of all ranges that hold `n`, ascending, each once. Points into the index.
  std::span<const std::uint32_t> find(std::int64_t n) const;

 private:
  std::vector<std::int64_t> from_;      // where a new answer begins, ascending
  std::vector<std::uint32_t> answer_;   // offsets into ids_, one more than from_
  std::vector<std::uint32_t> ids_;
};

}  // namespace policymux
