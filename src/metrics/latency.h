// How long things took, in few enough buckets to be shown whole.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace policymux {

//   Cost    add(): a search among 15 bounds, two additions.
//   Memory  136 bytes.
class LatencyHistogram {
 public:
  using Duration = std::chrono::microseconds;

  // Bucket i counts what took at most bounds[i] and longer than bounds[i - 1]; the last one what took longer than all.
  static constexpr std::array bounds = {
      Duration{100},     Duration{250},     Duration{500},       Duration{1'000},     Duration{2'500},
      Duration{5'000},   Duration{10'000},  Duration{25'000},    Duration{50'000},    Duration{100'000},
      Duration{250'000}, Duration{500'000}, Duration{1'000'000}, Duration{5'000'000}, Duration{30'000'000}};

  void add(Duration took);
  const std::array<std::uint64_t, bounds.size() + 1>& counts() const { return counts_; }
  std::uint64_t total() const;
  Duration sum() const { return sum_; }

  // The bound of the bucket that holds the given share (0 to 1) of what was counted; nothing where nothing was
  // counted or no bound is that large.
  std::optional<Duration> percentile(double share) const;

 private:
  std::array<std::uint64_t, bounds.size() + 1> counts_{};
  Duration sum_{};
};

}  // namespace policymux
