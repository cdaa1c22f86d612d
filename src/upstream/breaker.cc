#include "upstream/breaker.h"

#include <algorithm>

namespace policymux {
namespace {

using Factor = std::chrono::duration<double, std::milli>;

milliseconds jittered(milliseconds back_off, double chance) {
  return std::chrono::round<milliseconds>(Factor{back_off} * (0.8 + 0.4 * chance));
}

}  // namespace

Breaker::State Breaker::state(SteadyTime now) const {
  if (!open_) return State::closed;
  return now < retry_at_ ? State::open : State::half_open;
}

bool Breaker::allows(SteadyTime now) const { return !open_ || (now >= retry_at_ && !probing_); }

bool Breaker::asked(SteadyTime now) {
  if (!open_ || probing_) return false;
  probing_ = true;
  probe_began_ = now;
  return true;
}

bool Breaker::answered() {
  const bool changed = open_;
  *this = Breaker{first_back_off_};
  return changed;
}

bool Breaker::failed(SteadyTime now, bool probe, double chance) {
  const bool changed = !open_;
  if (!changed && !probe) return false;
  const auto took = probe ? std::chrono::ceil<milliseconds>(now - probe_began_) : milliseconds{};
  back_off_ = changed ? first_back_off_ : std::clamp(2 * back_off_, std::min(took, longest_back_off), longest_back_off);
  if (probe) probing_ = false;
  open_ = true;
  retry_at_ = now + jittered(back_off_, chance);
  return changed;
}

std::string_view to_string(Breaker::State state) {
  switch (state) {
    case Breaker::State::closed: return "on";
    case Breaker::State::open: return "off";
    case Breaker::State::half_open: return "trying";
  }
  return "";
}

}  // namespace policymux
