#include "upstream/staffing.h"

namespace policymux {

std::size_t Staffing::growth(std::size_t running, std::size_t waiting) const {
  const auto room = limits_.most - std::min<std::size_t>(running, limits_.most);
  return std::min({room, waiting, std::max<std::size_t>(1, running)});
}

std::size_t Staffing::surplus(std::size_t running, std::size_t idle) {
  const auto unneeded = std::min(fewest_idle_, idle);
  const auto leaving = may_shrink(running) ? std::min(unneeded, running - limits_.least) : 0;
  fewest_idle_ = idle - leaving;
  return leaving;
}

bool StartLimit::failed(SteadyTime now, bool tried, bool others_do_well, double chance) {
  if (!tried && others_do_well && failures_ < forgiven) {
    ++failures_;
    return false;
  }
  return breaker_.failed(now, tried, chance);
}

bool StartLimit::answered() {
  failures_ = 0;
  return breaker_.answered();
}

}  // namespace policymux
