// Owners of libev watchers: each stops when it goes. A watcher neither copies nor moves, since libev keeps
// its address. Declare it after the descriptor that it watches: members are torn down last to first.
//   Owner   the object whose member function is called; it owns the watcher and so outlives it.
//   Errors  none. REQUIRES: the event loop outlives the watcher.
#pragma once

#include <ev.h>

#include <chrono>

namespace policymux {

// Tells when a descriptor can be read or written: Ready(EV_READ | EV_WRITE). Starts by wanting nothing.
template <class Owner, void (Owner::*Ready)(int revents)>
class IoWatcher {
 public:
  IoWatcher(struct ev_loop* loop, int fd, Owner* owner) : loop_{loop} {
    ev_io_init(&w_, &call, fd, 0);
    w_.data = owner;
  }
  ~IoWatcher() { ev_io_stop(loop_, &w_); }
  IoWatcher& operator=(IoWatcher&&) = delete;

  // EV_READ, EV_WRITE, both, or 0: leave me alone. Every change costs an epoll_ctl, saying the same is free.
  void want(int events) {
    if (events == wanted_) return;
    wanted_ = events;
    ev_io_stop(loop_, &w_);
    ev_io_modify(&w_, events);  // ev_io_set would cost a second epoll_ctl
    if (events != 0) ev_io_start(loop_, &w_);
  }

 private:
  static void call(struct ev_loop*, ev_io* w, int revents) { (static_cast<Owner*>(w->data)->*Ready)(revents); }

  struct ev_loop* loop_;
  ev_io w_;
  int wanted_ = 0;
};

// Fires once, `after` milliseconds counted from this pass of the loop. The only place that meets libev's seconds.
template <class Owner, void (Owner::*Expired)()>
class Timer {
 public:
  Timer(struct ev_loop* loop, Owner* owner) : loop_{loop} {
    ev_timer_init(&w_, &call, 0., 0.);
    w_.data = owner;
  }
  ~Timer() { cancel(); }
  Timer& operator=(Timer&&) = delete;

  // Starts anew if it runs already.
  void arm(std::chrono::milliseconds after) {
    cancel();
    ev_timer_set(&w_, std::chrono::duration<double>(after).count(), 0.);
    ev_timer_start(loop_, &w_);
  }
  void cancel() { ev_timer_stop(loop_, &w_); }
  bool active() const { return ev_is_active(&w_) != 0; }

 private:
  static void call(struct ev_loop*, ev_timer* w, int) { (static_cast<Owner*>(w->data)->*Expired)(); }

  struct ev_loop* loop_;
  ev_timer w_;
};

// A watcher that is active all its life and tells nothing but that it is time.
template <class W, auto Start, auto Stop, class Owner, void (Owner::*Call)()>
class Hook {
 public:
  // Of watchers that are due together, those of higher priority (EV_MINPRI to EV_MAXPRI) are called first.
  Hook(struct ev_loop* loop, Owner* owner, int priority = 0) : loop_{loop} {
    ev_init(&w_, &call);
    ev_set_priority(&w_, priority);
    w_.data = owner;
    Start(loop_, &w_);
  }
  ~Hook() { Stop(loop_, &w_); }
  Hook& operator=(Hook&&) = delete;

 protected:
  struct ev_loop* loop_;
  W w_;

 private:
  static void call(struct ev_loop*, W* w, int) { (static_cast<Owner*>(w->data)->*Call)(); }
};

// Called when the loop is about to sleep, and when it has just woken up.
template <class Owner, void (Owner::*Call)()>
using PrepareWatcher = Hook<ev_prepare, &ev_prepare_start, &ev_prepare_stop, Owner, Call>;
template <class Owner, void (Owner::*Call)()>
using CheckWatcher = Hook<ev_check, &ev_check_start, &ev_check_stop, Owner, Call>;

// Called in the loop's thread some time after any thread said send(). Several send() may be one call.
template <class Owner, void (Owner::*Call)()>
class AsyncWatcher : public Hook<ev_async, &ev_async_start, &ev_async_stop, Owner, Call> {
 public:
  using Hook<ev_async, &ev_async_start, &ev_async_stop, Owner, Call>::Hook;
  void send() { ev_async_send(this->loop_, &this->w_); }
};

// Called from the loop, not from the signal's own context.
template <class Owner, void (Owner::*Caught)()>
class SignalWatcher {
 public:
  SignalWatcher(struct ev_loop* loop, int signal, Owner* owner) : loop_{loop} {
    ev_signal_init(&w_, &call, signal);
    w_.data = owner;
    ev_signal_start(loop_, &w_);
  }
  ~SignalWatcher() { ev_signal_stop(loop_, &w_); }
  SignalWatcher& operator=(SignalWatcher&&) = delete;

 private:
  static void call(struct ev_loop*, ev_signal* w, int) { (static_cast<Owner*>(w->data)->*Caught)(); }

  struct ev_loop* loop_;
  ev_signal w_;
};

}  // namespace policymux
