// Notices when value files change: inotify on the directories that their paths lead through.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "log/logger.h"
#include "loop/loop.h"

namespace policymux {

// A name that a path leads through, symbolic links followed; the last one is the file itself.
struct PathStep {
  std::string directory, name;
};
// By path of the list.
using Trails = std::map<std::string, std::vector<PathStep>>;
// Blocks. Ends where nothing is there (any more).
std::vector<PathStep> trail_of(const std::string& path);

// LANGUAGE: "Watching reacts to close-after-write and rename, after one second of quiet." A list that somebody writes
// to is being written until he closes it, however long that takes; others wait for quiet, at most ten seconds.
//   Owns    the inotify descriptor. Without lists there is no watch.
//   Errors  what cannot be watched is told in the log, once.
//   Limits  8,192 directories.
class Watcher {
 public:
  using Changed = std::function<void(std::set<std::string> lists)>;
  // `changed` is called from the loop, when all is quiet, with those that have changed.
  Watcher(Loop& loop, Logger& logger, Changed changed);

  // Replaces what is watched. True: there are directories that were not watched until now, so that changes in them
  // have gone unnoticed.
  bool watch(const Trails& trails);
  // The list may have changed: reports it after the next quiet second.
  void expect_change(const std::string& list);

  // Takes in what has happened until now.
  void catch_up();
  const std::set<std::string>& being_written() const { return being_written_; }
  // Everything that happened to since the last call.
  std::set<std::string> take_touched() { return std::exchange(touched_, {}); }

 private:
  struct Watched {
    std::string directory;
    std::multimap<std::string, std::string, std::less<>> lists{};  // by name of a step
    bool has_lists = false;                                        // some of them are no further than here
  };

  void on_events(int) { catch_up(); }
  void on_quiet();
  void take(int descriptor, std::uint32_t what, std::string_view name);
  void take(const std::string& list, std::uint32_t what);
  void take_all(std::uint32_t what);
  void arm();
  bool add(Watched watched, std::map<int, Watched>& to);
  void warn_once(const std::string& directory, std::string_view why);

  Loop& loop_;
  Logger& logger_;
  Changed changed_;
  std::map<int, Watched> watched_;  // by inotify's number
  std::set<std::string> lists_, changed_lists_, being_written_, touched_, warned_;
  std::optional<SteadyTime> restless_since_;
  UniqueFd fd_;
  IoWatcher<Watcher, &Watcher::on_events> io_;
  Timer<Watcher, &Watcher::on_quiet> quiet_;
};

}  // namespace policymux
