// The event loop: libev with epoll, the time of this wake-up, who is ready, and who is about to go.
//
// One pass: time is read · timers, signals and io callbacks run · the ready are served · log lines are
// written and the like (PrepareWatcher) · the retired are freed · sleep.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.h"
#include "loop/ready.h"
#include "loop/watcher.h"

namespace policymux {

// Somebody whose end must wait until no callback of his is on the stack.
class Retiree {
 public:
  virtual ~Retiree() = default;
};

class Loop {
 public:
  Loop();  // throws std::runtime_error where epoll is not to be had
  Loop& operator=(Loop&&) = delete;

  // For the watchers.
  struct ev_loop* raw() const { return loop_.get(); }

  void run();       // until stop()
  void run_once();  // one pass: sleeps until something happens
  void stop();      // run() returns once the callbacks of this pass have run

  // As of this wake-up: the steady clock is read at most once a pass, and only when somebody asks.
  SteadyTime now() {
    if (!now_) now_ = std::chrono::steady_clock::now();
    return *now_;
  }
  // As of this wake-up, at no cost.
  WallTime wall_time() const;

  ReadyList& ready() { return ready_; }

  // Keeps `who` until the loop is about to sleep. Nothing may call him any more in the meantime.
  void retire(std::unique_ptr<Retiree> who) { retired_.push_back(std::move(who)); }
  // Frees them now: for the end of something that they refer to. REQUIRES: no callback is on the stack.
  void free_retired();

 private:
  struct Destroy { void operator()(struct ev_loop* loop) const { ev_loop_destroy(loop); } };
  void on_wake_up() { now_.reset(); }
  void on_served() { ready_.serve(); }
  void on_sleep();

  std::unique_ptr<struct ev_loop, Destroy> loop_;
  std::optional<SteadyTime> now_;
  ReadyList ready_;
  ev_idle no_sleep_;                              // active while somebody is ready: the loop polls, never waits
  CheckWatcher<Loop, &Loop::on_wake_up> wake_up_;   // before all other callbacks
  CheckWatcher<Loop, &Loop::on_served> served_;     // after them
  PrepareWatcher<Loop, &Loop::on_sleep> sleep_;     // the last before sleep
  std::vector<std::unique_ptr<Retiree>> retired_;  // the first to go: they own watchers
};

}  // namespace policymux
