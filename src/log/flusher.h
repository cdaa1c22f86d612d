// Writes the log whenever the loop is about to sleep.
#pragma once

#include "log/logger.h"
#include "loop/loop.h"

namespace policymux {

// While it lives the logger's clock is the loop's. What could not be written is tried again at each pass, and at
// least every 10 ms.
class LogFlusher {
 public:
  LogFlusher(Loop& loop, Logger& logger);
  ~LogFlusher();
  LogFlusher& operator=(LogFlusher&&) = delete;

 private:
  void on_sleep();
  void on_retry() {}  // on_sleep() follows

  Logger& logger_;
  PrepareWatcher<LogFlusher, &LogFlusher::on_sleep> sleep_;
  Timer<LogFlusher, &LogFlusher::on_retry> retry_;
};

}  // namespace policymux
