// Reads and compiles a new ruleset on the helper thread, so that the loop serves on meanwhile: on a reload all of it,
// and the lists alone when they change.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/helper.h"
#include "app/ruleset.h"
#include "app/watcher.h"
#include "decide/live_table.h"
#include "loop/loop.h"
#include "upstream/resolve.h"

namespace policymux {

// What a new ruleset would succeed.
struct InForce {
  std::shared_ptr<const Table> table;
  std::shared_ptr<const FrozenPolicy> frozen;
};

// What came of a reload. Without a succession nothing of it may take effect: the diagnostics say why.
struct Reload {
  std::optional<Config> config{};
  Diagnostics diagnostics{};
  std::shared_ptr<const FrozenPolicy> frozen{};
  std::optional<Succession> succession{};
  ServiceAddresses addresses{};
};

// What came of lists that have changed; perhaps nothing.
struct ListReload {
  std::vector<ListNews> news{};
  std::optional<Succession> succession{};
};

// One job at a time; what is asked for meanwhile is remembered and follows at once. What was read of a list that
// somebody wrote to at that time is thrown away: no list is ever taken half.
class Reloader {
 public:
  // All are called from the loop: `in_force` at the start of a job, the others at its end. What these leave of their
  // argument is freed by the helper thread.
  struct Calls {
    std::function<InForce()> in_force;
    std::function<void(Reload&)> reloaded;
    std::function<void(ListReload&)> lists_reloaded;
  };
  Reloader(Loop& loop, Logger& logger, Origins origins, Calls calls);

  void start();

  // At the start: watches the lists of the table in force, which were read some time ago. Blocks.
  void watch_first();

  // Frees a table that is no longer in force, on the helper thread, as soon as no request waits with it any more; and
  // gives back what memory is free then, that of reading the next one, too.
  void free(std::shared_ptr<LiveTable> old);

 private:
  // What the helper thread is asked to read, and what came of it. Freed there, too.
  struct Job {
    bool is_reload = false;
    std::set<std::string> held{};  // reload: lists that are not to be read, since they are being written
    ChangedLists changed{};        // otherwise: what to read
    InForce in_force{};
    Reload reload{};
    ListReload list_reload{};
    std::set<std::string> restless{};
    WatchPlan plan{};
  };

  void on_lists_changed(std::set<std::string> lists);
  void next();
  void run(Job job);
  void run_lists(const std::set<std::string>& lists);
  void read(Job& job) const;
  void read_all(Job& job) const;
  void read_lists(Job& job) const;
  void on_read();
  void finish_reload(Job& job, const std::set<std::string>& touched);
  void finish_lists(Job& job, const std::set<std::string>& touched);
  void watch(WatchPlan plan);
  void free_unused();

  const Origins origins_;
  const Calls calls_;
  bool running_ = false, reload_wanted_ = false;
  std::set<std::string> changed_;  // lists that wait for their turn
  std::vector<std::shared_ptr<LiveTable>> old_;
  Watcher watcher_;
  Timer<Reloader, &Reloader::free_unused> sweep_;
  std::mutex mutex_;
  std::shared_ptr<Job> done_;  // guarded by mutex_
  AsyncWatcher<Reloader, &Reloader::on_read> wake_;
  Helper helper_;  // the first to go: its jobs use the rest
};

}  // namespace policymux
