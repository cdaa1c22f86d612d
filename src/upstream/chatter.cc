#include "upstream/chatter.h"

#include <algorithm>

namespace policymux {

bool LineBudget::take(SteadyTime now) {
  if (filled_ == SteadyTime::min()) filled_ = now;
  constexpr milliseconds each{1000 / per_second};
  const auto fresh = static_cast<std::uint64_t>((now - filled_) / each);
  filled_ += fresh * each;
  lines_ = std::min(burst, lines_ + fresh);
  if (lines_ == 0) {
    ++left_out_;
    return false;
  }
  --lines_;
  return true;
}

}  // namespace policymux
