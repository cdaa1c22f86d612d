// Runs a Loop for a test, but never for ever.
#pragma once

#include <functional>

#include "loop/loop.h"
#include "support/catch.h"

namespace policymux::test {

// Passes of the loop until `done` is true; asked again at least every few milliseconds, since what the test
// waits for may happen outside the loop. Fails the test when that takes longer than a machine under any
// load should need: the limit is there to end a hung test, not to time one.
inline void run_until(Loop& loop, const std::function<bool()>& done) {
  struct Tick {
    explicit Tick(Loop& loop) : timer{loop.raw(), this} { ring(); }
    void ring() { timer.arm(std::chrono::milliseconds{2}); }
    Timer<Tick, &Tick::ring> timer;
  } tick{loop};
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes{1};
  while (!done()) {
    if (std::chrono::steady_clock::now() > give_up) FAIL("what the test waits for did not happen");
    loop.run_once();
  }
}

// Lets `n` passes go by without waiting for anything.
inline void run_passes(Loop& loop, int n) {
  struct Awake final : Ready {
    explicit Awake(Loop& l) : on{l} { serve(); }
    void serve() override { on.ready().again(*this); }
    Loop& on;
  } awake{loop};
  while (n-- > 0) loop.run_once();
}

}  // namespace policymux::test
