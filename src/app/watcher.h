// Notices when value files change: inotify on the directories that their paths lead through.
#pragma once

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

// LANGUAGE: "Watching reacts to close-after-write and rename, after one second of quiet." A list that somebody writes
// to is being written until he closes it, however long that takes.
//   Owns    the inotify descriptor. Without lists there is no watch.
//   Errors  what cannot be watched is told in the log, once.
//   Limits  4,096 directories.
class Watcher {
 public:
  // When all is quiet, from the loop: there are lists that have changed, or are being written.
  using Changed = std::function<void(std::set<std::string> lists)>;
  Watcher(Loop& loop, Logger& logger, Changed changed, const QuietTime::Limits& limits = {});

  // Replaces what is watched. True: there are directories that were not watched until now, so that changes in them
  // have gone unnoticed. Cost: a system call for each directory.
  bool watch(WatchPlan plan);
  // The list may have changed: reports it after the next quiet second, or when it is no longer being written.
  void expect_change(const std::string& list);

  // Takes in what has happened until now.
  void catch_up();
  const std::set<std::string>& lists() const { return lists_; }
  const std::set<std::string>& being_written() const { return being_written_; }
  // Those to which something has happened since the last call.
  std::set<std::string> take_touched() { return std::exchange(touched_, {}); }

 private:
  void on_events(int) { catch_up(); }
  void on_quiet();
  void take(int descriptor, std::uint32_t what, std::string_view name);
  void take(const std::string& list, std::uint32_t what);
  bool add(const std::string& path, WatchPlan::Directory directory, std::map<int, WatchPlan::Directory>& to);
  void warn_once(const std::string& directory, std::string_view why);

  Loop& loop_;
  Logger& logger_;
  Changed changed_;
  QuietTime quiet_time_;
  std::map<int, WatchPlan::Directory> watched_;  // by inotify's number
  std::set<std::string> lists_, changed_lists_, being_written_, touched_, warned_;
  UniqueFd fd_;
  IoWatcher<Watcher, &Watcher::on_events> io_;
  Timer<Watcher, &Watcher::on_quiet> quiet_;
};

}  // namespace policymux
