#include "app/watch_plan.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace policymux {
namespace {

constexpr int most_links = 40;  // as the kernel has it

std::optional<std::string> link_target(const std::string& path) {
  std::array<char, PATH_MAX> target;
  const auto size = ::readlink(path.c_str(), target.data(), target.size());
  if (size <= 0) return std::nullopt;
  return std::string{target.data(), static_cast<std::size_t>(size)};
}

std::string joined(const std::string& directory, std::string_view name) {
  return (directory == "/" ? "" : directory) + '/' + std::string{name};
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

std::vector<PathStep> trail_of(const std::string& path) {
  std::vector<PathStep> trail;
  std::string directory = "/", rest = path;
  for (int links = 0; !rest.empty();) {
    const auto end = std::min(rest.find('/'), rest.size());
    const auto name = rest.substr(0, end);
    rest.erase(0, std::min(end + 1, rest.size()));
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      directory.resize(std::max<std::size_t>(directory.rfind('/'), 1));
      continue;
    }
    trail.push_back({directory, name});
    const auto here = joined(directory, name);
    if (const auto target = link_target(here)) {
      if (++links > most_links) break;
      if (target->starts_with('/')) directory = "/";
      rest = *target + '/' + rest;
    } else if (is_directory(here)) {
      directory = here;
    } else {
      break;
    }
  }
  return trail;
}

void WatchPlan::add(const std::string& list) {
  lists.insert(list);
  const auto trail = trail_of(list);
  for (const auto& [directory, name] : trail) directories[directory].lists.emplace(name, list);
  if (!trail.empty()) directories[trail.back().directory].has_files = true;
}

}  // namespace policymux
