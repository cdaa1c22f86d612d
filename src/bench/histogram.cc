#include "bench/histogram.h"

#include <cmath>

namespace policymux {

Histogram::Duration Histogram::percentile(double share) const {
  if (total_ == 0) return Duration{};
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen > 0 && seen >= wanted) return Duration{upper_end(i)};
  }
  return Duration{largest};
}

}  // namespace policymux
