// May a service be asked now? A state machine without a clock and without chance: both are handed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace policymux {

// closed ──failure──▶ open ──back-off is over──▶ half_open ──the probe is answered──▶ closed
//                      ▲                              │
//                      └────────the probe fails───────┘
//
// Each back-off is twice as long as the one before and at least as long as the probe between took, up to a minute; each
// is jittered by a fifth either way. An answer, whoever asked, closes.
class Breaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };
  static constexpr milliseconds longest_back_off{std::chrono::minutes{1}};

  explicit Breaker(milliseconds first_back_off) : first_back_off_{first_back_off} {}

  State state(SteadyTime now) const;
  // closed, or half open and nobody probes.
  bool allows(SteadyTime now) const;

  // Somebody is asked now. REQUIRES: allows(now), or a check that does not wait. True: it is the probe, whose end must
  // be told by answered(), failed() or abandoned().
  bool asked(SteadyTime now);

  // These return true where the service was switched on or off by it. `chance`: 0 to 1, for the jitter.
  bool answered();
  bool failed(SteadyTime now, bool probe, double chance);
  // The probe ended and nothing was learnt from it.
  void abandoned() { probing_ = false; }

  SteadyTime retry_at() const { return retry_at_; }  // REQUIRES: not closed

 private:
  milliseconds first_back_off_;
  bool open_ = false, probing_ = false;
  milliseconds back_off_{};
  SteadyTime retry_at_{}, probe_began_{};
};

std::string_view to_string(Breaker::State state);  // "on", "off", "trying"

}  // namespace policymux
