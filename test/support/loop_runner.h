// Runs a Loop for a test, but never for ever.
#pragma once

#include <functional>

#include "loop/loop.h"
#include "support/catch.h"

namespace policymux::test {

// Passes of the loop until `done` is true. Fails the test when that takes longer than a machine under
// any load should need: the limit is there to end a hung test, not to time one.
inline void run_until(Loop& loop, const std::function<bool()>& done) {
  struct Limit {
    explicit Limit(Loop& on) : timer{on.raw(), this} { timer.arm(std::chrono::seconds{60}); }
    void expired() { over = true; }
    bool over = false;
    Timer<Limit, &Limit::expired> timer;
  } limit{loop};
  while (!done()) {
    loop.run_once();
    if (limit.over) FAIL("what the test waits for did not happen");
  }
}

// Lets `n` passes go by without waiting for anything.
inline void run_passes(Loop& loop, int n) {
  struct Awake : Ready {
    explicit Awake(Loop& l) : on{l} { on.ready().again(*this); }
    void serve() override { on.ready().again(*this); }
    Loop& on;
  } awake{loop};
  while (n-- > 0) loop.run_once();
}

}  // namespace policymux::test
