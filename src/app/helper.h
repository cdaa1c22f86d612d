// The helper thread: what takes long and must not stop the loop.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace policymux {

// Runs jobs one after the other, at low priority (where all processors are busy, in about a tenth of one: at idle
// priority a reload under full load would never end), with all signals blocked. The thread is started for the first
// job: the C library's calls are a little cheaper as long as there is only one.
//   Errors  none: a job that throws ends the process.
class Helper {
 public:
  Helper() = default;
  ~Helper();  // runs what is left, at ordinary priority, and waits for it
  Helper& operator=(Helper&&) = delete;

  void post(std::function<void()> job);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;  // guarded by mutex_, like stopping_
  bool stopping_ = false;
  pid_t id_ = 0;                             // of the thread, once it runs; guarded by mutex_
  std::thread thread_;
};

}  // namespace policymux
