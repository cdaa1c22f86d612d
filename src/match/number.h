// Numbers compared with bounds: sizes, counts, ports, scores.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/result.h>

#include "match/flatten.h"
#include "match/id_list.h"

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

// "N", ">N", ">=N", "<N", "<=N", "=N", "A-B". The error quotes the piece. A range may be one that no number
// of its kind is in ("<0" as a count).
Result<NumberRange, std::string> parse_number_range(std::string_view text, NumberSyntax syntax);
std::string to_string(const NumberRange& range, NumberSyntax syntax);

// A signed decimal with at most three places and 15 digits before them, in thousandths: "-1.5" is -1500.
std::optional<std::int64_t> parse_thousandths(std::string_view text);
// The shortest form: 3000 is "3", 3500 is "3.5".
std::string format_thousandths(std::int64_t thousandths);

// Which of many ranges hold a number? Immutable once built. Memory O(n log n) for n ranges, however they
// overlap; find() is a binary search.
class NumberIndex {
 public:
  class Builder {
   public:
    void add(const NumberRange& range, std::uint32_t id) { claims_.push_back({range.first, range.last, id}); }
    NumberIndex build() &&;

   private:
    std::vector<Claim<std::int64_t>> claims_;
  };

  // Adds the ids of all ranges that hold `n`, ascending, each once.
  void find(std::int64_t n, IdList& out) const;

 private:
  std::vector<Step<std::int64_t>> steps_;
  IdSets sets_;
};

}  // namespace policymux
