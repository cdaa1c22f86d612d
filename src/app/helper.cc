#include "app/helper.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <utility>

namespace policymux {
namespace {

// About a tenth of a processor that somebody else wants whole.
constexpr int background = 10, ordinary = 0;

void set_nice(pid_t thread, int nice) { ::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), nice); }

// Whoever wakes up need not wait until a turn of ours of several milliseconds is over (Linux 6.12; before that the
// kernel ignores it). sched_setattr(2), which Debian 12's C library does not have.
void take_short_turns() {
  struct {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;  // ns
  } attributes{.size = sizeof attributes, .nice = background, .runtime = 100'000};
  ::syscall(SYS_sched_setattr, 0, &attributes, 0u);
}

// Signals are the loop's.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

Helper::~Helper() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    if (id_ != 0) set_nice(id_, ordinary);
  }
  wake_.notify_one();
  thread_.join();
}

void Helper::post(std::function<void()> job) {
  {
    const std::lock_guard lock{mutex_};
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  if (thread_.joinable()) return;
  thread_ = std::thread{[this] { run(); }};
}

void Helper::run() {
  block_signals();
  std::unique_lock lock{mutex_};
  id_ = ::gettid();
  if (!stopping_) {
    set_nice(id_, background);
    take_short_turns();
  }
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // what it holds may take long to free
    lock.lock();
  }
}

}  // namespace policymux
