// When is it quiet enough to look? One second after the last news, but at most ten after the first.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/time.h"

namespace policymux {

class QuietTime {
 public:
  struct Limits {
    std::chrono::milliseconds quiet{1'000}, longest{10'000};
  };
  explicit QuietTime(const Limits& limits) : limits_{limits} {}

  // News: how long to wait from now on, unless there are more.
  std::chrono::milliseconds news(SteadyTime now) {
    if (!since_) since_ = now;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*since_ + limits_.longest - now);
    return std::clamp(left, std::chrono::milliseconds{0}, limits_.quiet);
  }

 private:
  const Limits limits_;
  std::optional<SteadyTime> since_;
};

}  // namespace policymux
