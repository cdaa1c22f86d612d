#include "app/helper.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace policymux {
namespace {

// About a tenth of a processor that somebody else wants whole.
constexpr int background = 10, ordinary = 0;

int nice_of(pid_t thread) { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(thread)); }
void set_nice(pid_t thread, int nice) { ::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), nice); }

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
  if (!stopping_) set_nice(id_, std::max(nice_of(id_), background));
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
