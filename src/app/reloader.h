// Reads and compiles a new ruleset on the helper thread, so that the loop serves on meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "app/helper.h"
#include "app/ruleset.h"
#include "decide/live_table.h"
#include "loop/loop.h"

namespace policymux {

// What came of a reload. Without a succession nothing of it may take effect: the diagnostics say why.
struct Reload {
  std::optional<Config> config{};
  Diagnostics diagnostics{};
  std::optional<Succession> succession{};
};

// One reload at a time; a request for another one meanwhile is remembered and follows at once.
class Reloader {
 public:
  // Both are called from the loop: `in_force` at the start of a reload for the table that the new one would
  // succeed, `done` at its end.
  using InForce = std::function<std::shared_ptr<const Table>()>;
  using Done = std::function<void(Reload)>;
  Reloader(Loop& loop, Origins origins, std::vector<QuestionKind> built_in, InForce in_force, Done done);

  void start();

  // Frees a table that is no longer in force, unless requests still wait with it.
  void free(std::shared_ptr<LiveTable> old) {
    helper_.post([old = std::move(old)]() mutable { old.reset(); });
  }

 private:
  void read(const Table& in_force);
  void on_read();

  const Origins origins_;
  const std::vector<QuestionKind> built_in_;
  const InForce in_force_;
  const Done done_;
  bool running_ = false, once_more_ = false;
  std::mutex mutex_;
  std::optional<Reload> fresh_;  // guarded by mutex_
  AsyncWatcher<Reloader, &Reloader::on_read> wake_;
  Helper helper_;  // the first to go: its jobs use the rest
};

}  // namespace policymux
