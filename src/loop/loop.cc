#include "loop/loop.h"

#include <cmath>
#include <stdexcept>
#include <utility>

namespace policymux {
namespace {

struct ev_loop* new_epoll_loop() {
  struct ev_loop* const loop = ev_loop_new(unsigned{EVBACKEND_EPOLL} | EVFLAG_NOENV);
  if (loop == nullptr) throw std::runtime_error{"cannot create an epoll event loop"};
  return loop;
}

}  // namespace

Loop::Loop()
    : loop_{new_epoll_loop()},
      wake_up_{loop_.get(), this, EV_MAXPRI},
      served_{loop_.get(), this, EV_MINPRI},
      sleep_{loop_.get(), this, EV_MINPRI} {
  ev_idle_init(&no_sleep_, [](struct ev_loop*, ev_idle*, int) {});
}

void Loop::run() {
  ev_run(raw(), 0);
  free_retired();
}

void Loop::run_once() { ev_run(raw(), EVRUN_ONCE); }

void Loop::stop() { ev_break(raw(), EVBREAK_ALL); }

WallTime Loop::wall_time() const { return WallTime{milliseconds{std::llround(ev_now(raw()) * 1000.)}}; }

void Loop::on_sleep() {
  free_retired();
  if (ready_.empty()) {
    ev_idle_stop(raw(), &no_sleep_);
  } else {
    ev_idle_start(raw(), &no_sleep_);
  }
}

void Loop::free_retired() {
  while (!retired_.empty()) std::exchange(retired_, {}).clear();  // their ends may retire others
}

}  // namespace policymux
