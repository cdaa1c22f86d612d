// Reads and compiles a new ruleset on a helper thread, so that the loop serves on meanwhile.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "app/ruleset.h"
#include "loop/loop.h"

namespace policymux {

// One reload at a time; a request for another one meanwhile is remembered and follows at once.
class Reloader {
 public:
  // `done` is called from the loop with what was read, be it usable or not.
  Reloader(Loop& loop, Origins origins, std::vector<QuestionKind> built_in, std::function<void(Ruleset)> done);
  ~Reloader();  // waits for a reload under way
  Reloader& operator=(Reloader&&) = delete;

  void start();

 private:
  void read();
  void on_read();

  const Origins origins_;
  const std::vector<QuestionKind> built_in_;
  const std::function<void(Ruleset)> done_;
  bool once_more_ = false;
  std::mutex mutex_;
  std::optional<Ruleset> fresh_;  // guarded by mutex_
  AsyncWatcher<Reloader, &Reloader::on_read> wake_;
  std::thread worker_;
};

}  // namespace policymux
