// How many workers does a plug-in need, and may one be started now? Without a clock and without chance: both are
// handed in.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "config/config.h"
#include "upstream/breaker.h"

namespace policymux {

//   grows    by as many as run already, or by those that are waited for where they are fewer, each time that requests
//            have waited too long.
//   shrinks  by those that were not needed between two looks.
class Staffing {
 public:
  explicit Staffing(Config::Workers limits) : limits_{limits} {}

  std::size_t missing(std::size_t running) const { return running < limits_.least ? limits_.least - running : 0; }
  std::size_t growth(std::size_t running, std::size_t waiting) const;
  bool may_shrink(std::size_t running) const { return running > limits_.least; }

  // So few are idle now.
  void idle(std::size_t n) { fewest_idle_ = std::min(fewest_idle_, n); }
  // How many can go, of whom so many are idle now. The next look begins here.
  std::size_t surplus(std::size_t running, std::size_t idle);

 private:
  Config::Workers limits_;
  std::size_t fewest_idle_ = 0;  // since the last look
};

// A worker that ends before it has answered anything was not started well. Then no further one is started for a while,
// as Breaker says; where the others do well, a few such starts are forgiven.
class StartLimit {
 public:
  static constexpr unsigned forgiven = 10;

  explicit StartLimit(milliseconds first_back_off) : breaker_{first_back_off} {}

  bool allows(SteadyTime now) const { return breaker_.allows(now); }
  Breaker::State state(SteadyTime now) const { return breaker_.state(now); }
  SteadyTime retry_at() const { return breaker_.retry_at(); }  // REQUIRES: state() is not closed

  // True: it is the one that is tried, whose end must be told. REQUIRES: allows(now).
  bool started(SteadyTime now) { return breaker_.asked(now); }
  // These return true where starts are stopped or allowed again by it.
  bool failed(SteadyTime now, bool tried, bool others_do_well, double chance);
  bool answered();  // by one for the first time
  void abandoned() { breaker_.abandoned(); }

 private:
  Breaker breaker_;
  unsigned failures_ = 0;  // in a row, while others did well
};

}  // namespace policymux
