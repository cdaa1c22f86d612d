#include "metrics/latency.h"

#include <algorithm>
#include <numeric>

namespace policymux {

void LatencyHistogram::add(Duration took) {
  ++counts_[static_cast<std::size_t>(std::ranges::lower_bound(bounds, took) - bounds.begin())];
  sum_ += took;
}

std::uint64_t LatencyHistogram::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

std::optional<LatencyHistogram::Duration> LatencyHistogram::percentile(double share) const {
  const auto wanted = share * static_cast<double>(total());
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    seen += counts_[i];
    if (seen > 0 && static_cast<double>(seen) >= wanted) return bounds[i];
  }
  return std::nullopt;
}

}  // namespace policymux
