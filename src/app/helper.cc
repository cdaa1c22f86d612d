#include "app/helper.h"

#include <pthread.h>
#include <sched.h>

#include <csignal>
#include <utility>

namespace policymux {
namespace {

void set_policy(pthread_t thread, int policy) {
  const sched_param parameters{};
  pthread_setschedparam(thread, policy, &parameters);
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
  }
  wake_.notify_one();
  set_policy(thread_.native_handle(), SCHED_OTHER);
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
  set_policy(thread_.native_handle(), SCHED_IDLE);
}

void Helper::run() {
  block_signals();
  std::unique_lock lock{mutex_};
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
