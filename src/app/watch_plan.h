// Where value files lie: what must be watched to notice that one of them changes.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace policymux {

// A name that a path leads through, symbolic links followed; the last one is the file itself.
struct PathStep {
  std::string directory, name;
  bool operator==(const PathStep&) const = default;
};
// Blocks. Ends where nothing is there (any more). REQUIRES: the path is absolute.
std::vector<PathStep> trail_of(const std::string& path);

struct WatchPlan {
  struct Directory {
    std::multimap<std::string, std::string, std::less<>> lists{};  // by the name in it that their paths lead through
    bool has_files = false;                                        // some of the lists are files in here
  };

  // Blocks.
  void add(const std::string& list);

  std::map<std::string, Directory> directories{};  // by path
  std::set<std::string> lists{};                   // by path
};

}  // namespace policymux
