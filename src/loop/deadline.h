// A deadline that is moved often and seldom passes.
#pragma once

#include "base/time.h"
#include "loop/loop.h"

namespace policymux {

// Like a Timer, but putting it off costs two stores: the timer below is armed again only when it has
// fired too early. Precise to a millisecond, on the late side.
template <class Owner, void (Owner::*Passed)()>
class Deadline {
 public:
  Deadline(Loop& loop, Owner* owner) : loop_{loop}, owner_{owner}, timer_{loop.raw(), this} {}

  void arm(milliseconds after) {
    due_ = loop_.now() + after;
    if (!timer_.active() || due_ < fires_) start(after);
  }
  void arm_unless_zero(milliseconds after) { after.count() == 0 ? cancel() : arm(after); }
  void cancel() { due_ = never; }

 private:
  static constexpr SteadyTime never = SteadyTime::max();

  void start(milliseconds after) {
    fires_ = loop_.now() + after;
    timer_.arm(after);
  }
  void on_timer() {
    if (due_ == never) return;
    const auto left = std::chrono::ceil<milliseconds>(due_ - loop_.now());
    if (left.count() > 0) return start(left);
    due_ = never;
    (owner_->*Passed)();
  }

  Loop& loop_;
  Owner* owner_;
  SteadyTime due_ = never;
  SteadyTime fires_ = never;
  Timer<Deadline, &Deadline::on_timer> timer_;
};

}  // namespace policymux
