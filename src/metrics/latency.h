// How long things took, in few enough buckets to be shown whole.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace policymux {

//   Cost    add(): a search among 64 bounds, two additions.
//   Memory  528 bytes.
class LatencyHistogram {
 public:
  using Duration = std::chrono::microseconds;

  // Bucket i counts what took at most bounds[i] and longer than bounds[i - 1]; the last one what took longer than all.
  // From 50 us to 100 s, ten to a decade: each is at most 28 % above the one before.
  static constexpr auto bounds = [] {
    constexpr std::array decade = {100, 125, 160, 200, 250, 320, 400, 500, 630, 800};
    std::array<Duration, 64> out{};
    std::size_t step = 7;
    for (std::int64_t scale = 1; auto& bound : out) {
      bound = Duration{decade[step] * scale / 10};
      if (++step < decade.size()) continue;
      step = 0;
      scale *= 10;
    }
    return out;
  }();

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
