// Notices when value files change: inotify on the directories that their paths lead through.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "app/quiet_time.h"
#include "app/watch_plan.h"
#include "base/unique_fd.h"
#include "log/logger.h"
#include "loop/loop.h"

namespace policymux {

// LANGUAGE: "Watching reacts to close-after-write and rename, after one second of quiet", each list after its own. A
// list that somebody writes to is being written until he closes it, however long that takes, and wherever it is moved
// meanwhile. When others open and close it at that time, or it is moved, his close may escape us: then it counts as
// closed after a minute.
//   Owns    the inotify descriptor. Without lists there is no watch.
//   Errors  what cannot be watched is told in the log, once, and tried again from time to time.
//   Limits  4,096 directories.
class Watcher {
 public:
  struct Limits {
    QuietTime::Limits quiet{};
    std::chrono::milliseconds doubt{60'000};  // without news of one who may have closed a list, or will not close it
    std::chrono::milliseconds retry{5'000};   // to watch what could not be watched
  };
  // From the loop: it is quiet around lists that have changed, or are being written.
  using Changed = std::function<void(std::set<std::string> lists)>;
  Watcher(Loop& loop, Logger& logger, Changed changed, const Limits& limits);
  Watcher(Loop& loop, Logger& logger, Changed changed) : Watcher{loop, logger, std::move(changed), Limits{}} {}

  // Replaces what is watched. True: there are directories that were not watched until now, so that changes in them
  // have gone unnoticed. Cost: a system call for each directory.
  bool watch(WatchPlan plan);
  // The list may have changed: reports it after the next quiet second, or when it is no longer being written.
  void expect_change(const std::string& list);

  // Takes in what has happened until now.
  void catch_up();
  const std::set<std::string>& lists() const { return lists_; }
  std::set<std::string> being_written() const;
  // Without those to which nothing was written for a minute. (Who cuts a list by its path, with truncate(2), never
  // closes it.)
  std::set<std::string> being_written_lately() const;
  // Those to which something has happened since the last call.
  std::set<std::string> take_touched() { return std::exchange(touched_, {}); }

 private:
  // One who writes to a list.
  struct Writer {
    SteadyTime wrote{};       // last
    int file = -1;            // inotify's number of what he writes to; -1: not known (yet)
    bool in_company = false;  // somebody else has opened it since he wrote
    bool in_doubt = false;    // he may have closed it
    bool was_moved = false;   // what he writes to may be the list no longer
  };
  using Writers = std::map<std::string, Writer>;  // by list
  struct News {
    QuietTime quiet_time;
    SteadyTime due{};
  };

  void on_events(int) { catch_up(); }
  void on_quiet();
  void on_doubt();
  void on_retry();
  void take(int descriptor, std::uint32_t what, std::string_view name);
  void take(const std::string& list, std::uint32_t what);
  void take_company(int file, std::uint32_t what);
  void wait_for_quiet(const std::string& list);
  void take_close(Writers::iterator writer);
  void doubt(Writer& writer);
  void look_at_writer(const std::string& list);
  Writers::iterator forget(Writers::iterator writer);
  int watch_file(const std::string& list) const;
  bool still_writes(const std::string& list, const Writer& writer) const;
  bool add(const std::string& path, WatchPlan::Directory directory, std::map<int, WatchPlan::Directory>& to);
  void warn_once(const std::string& directory, std::string_view why);

  Loop& loop_;
  Logger& logger_;
  Changed changed_;
  const Limits limits_;
  std::map<int, WatchPlan::Directory> watched_;              // by inotify's number
  std::map<std::string, WatchPlan::Directory> not_watched_;  // by path: not to be had now
  Writers writers_;
  std::map<std::string, News> news_;  // by list
  std::set<std::string> lists_, touched_, warned_;
  UniqueFd fd_;
  IoWatcher<Watcher, &Watcher::on_events> io_;
  Timer<Watcher, &Watcher::on_quiet> quiet_;
  Timer<Watcher, &Watcher::on_doubt> doubt_;
  Timer<Watcher, &Watcher::on_retry> retry_;
};

}  // namespace policymux
