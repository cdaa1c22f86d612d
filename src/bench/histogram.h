// How long things took: a histogram that is exact enough for percentiles and costs one increment.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace policymux {

// Counts durations from 0 to 2^40 ns (18 minutes); longer ones count as that. Two durations share a bucket
// only when they differ by less than 1/64.
class Histogram {
 public:
  using Duration = std::chrono::nanoseconds;

  void add(Duration duration) { ++counts_[bucket(clamp(duration))]; ++total_; }
  std::uint64_t total() const { return total_; }

  // The upper end of the bucket that holds the given share (0 to 1) of what was counted; zero when empty.
  Duration percentile(double share) const;

 private:
  static constexpr unsigned sub_bits = 6, max_bits = 40;
  static constexpr std::uint64_t largest = (std::uint64_t{1} << max_bits) - 1;

  static std::uint64_t clamp(Duration duration) {
    const auto ns = duration.count() < 0 ? 0u : static_cast<std::uint64_t>(duration.count());
    return ns < largest ? ns : largest;
  }
  // The first 2^sub_bits values have a bucket each; then every power of two has 2^sub_bits of them.
  static std::size_t bucket(std::uint64_t ns) {
    if (ns >> sub_bits == 0) return ns;
    const auto shift = static_cast<unsigned>(std::bit_width(ns)) - sub_bits - 1;
    return (std::size_t{shift} << sub_bits) + (ns >> shift);
  }
  static std::uint64_t upper_end(std::size_t bucket) {
    if (bucket >> (sub_bits + 1) == 0) return bucket;
    const auto shift = (bucket >> sub_bits) - 1;
    const auto top = (bucket & ((1u << sub_bits) - 1)) + (1u << sub_bits);
    return ((top + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (max_bits - sub_bits + 1) << sub_bits> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace policymux
