#include "app/watcher.h"

#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace policymux {
namespace {

constexpr std::chrono::milliseconds quiet_time{1000}, longest_wait{10'000};
constexpr std::size_t most_directories = 8'192;
constexpr int most_links = 40;  // as the kernel has it

constexpr std::uint32_t of_any_name = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
constexpr std::uint32_t of_lists = of_any_name | IN_MODIFY | IN_CLOSE_WRITE;

std::optional<std::string> link_target(const std::string& path) {
  std::array<char, PATH_MAX> target;
  const auto size = ::readlink(path.c_str(), target.data(), target.size());
  if (size <= 0) return std::nullopt;
  return std::string{target.data(), static_cast<std::size_t>(size)};
}

std::string joined(const std::string& directory, std::string_view name) {
  return (directory == "/" ? "" : directory) + '/' + std::string{name};
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
      continue;
    }
    struct stat status {};
    if (::lstat(here.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) break;
    directory = here;
  }
  return trail;
}

Watcher::Watcher(Loop& loop, Logger& logger, Changed changed)
    : loop_{loop},
      logger_{logger},
      changed_{std::move(changed)},
      fd_{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)},
      io_{loop.raw(), fd_.get(), this},
      quiet_{loop.raw(), this} {
  if (fd_) io_.want(EV_READ);
  else logger_.format(Level::warning, "lists are not watched: {}", std::strerror(errno));
}

bool Watcher::watch(const Trails& trails) {
  catch_up();
  std::map<std::string, Watched> wanted;
  lists_.clear();
  for (const auto& [list, trail] : trails) {
    lists_.insert(list);
    for (const auto& [directory, name] : trail) {
      auto& watched = wanted[directory];
      watched.directory = directory;
      watched.lists.emplace(name, list);
      watched.has_lists |= &name == &trail.back().name;
    }
  }
  for (auto* lists : {&changed_lists_, &being_written_}) {
    std::erase_if(*lists, [this](const std::string& list) { return !lists_.contains(list); });
  }
  std::map<int, Watched> now;
  bool any_new = false;
  if (wanted.size() > most_directories) {
    warn_once("", "too many directories: lists are not watched");
    wanted.clear();
  }
  for (auto& [directory, watched] : wanted) any_new |= add(std::move(watched), now);
  for (const auto& [descriptor, watched] : watched_) {
    if (!now.contains(descriptor)) ::inotify_rm_watch(fd_.get(), descriptor);
  }
  watched_ = std::move(now);
  return any_new;
}

bool Watcher::add(Watched watched, std::map<int, Watched>& to) {
  const auto mask = watched.has_lists ? of_lists : of_any_name;
  const auto descriptor = ::inotify_add_watch(fd_.get(), watched.directory.c_str(), mask);
  if (descriptor < 0) {
    if (errno != ENOENT && errno != ENOTDIR) warn_once(watched.directory, std::strerror(errno));
    return false;
  }
  warned_.erase(watched.directory);
  const bool is_new = !watched_.contains(descriptor);
  to[descriptor] = std::move(watched);
  return is_new;
}

void Watcher::warn_once(const std::string& directory, std::string_view why) {
  if (warned_.insert(directory).second) logger_.format(Level::warning, "cannot watch {}: {}", directory, why);
}

void Watcher::expect_change(const std::string& list) { take(list, IN_MOVED_TO); }

void Watcher::catch_up() {
  alignas(inotify_event) std::array<char, 16'384> buffer;
  while (fd_) {
    const auto got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    const auto end = static_cast<std::size_t>(got);
    for (std::size_t at = 0; at < end;) {
      inotify_event event;
      std::memcpy(&event, &buffer[at], sizeof event);
      const std::string_view name{&buffer[at] + sizeof event, ::strnlen(&buffer[at] + sizeof event, event.len)};
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) take_all(IN_MOVED_TO);
      else take(event.wd, event.mask, name);
    }
  }
}

void Watcher::take(int descriptor, std::uint32_t what, std::string_view name) {
  const auto found = watched_.find(descriptor);
  if (found == watched_.end()) return;
  const auto [begin, end] = found->second.lists.equal_range(name);
  for (auto at = begin; at != end; ++at) take(at->second, what);
}

void Watcher::take_all(std::uint32_t what) {
  for (const auto& list : lists_) take(list, what);
}

void Watcher::take(const std::string& list, std::uint32_t what) {
  touched_.insert(list);
  if ((what & IN_MODIFY) != 0) {
    being_written_.insert(list);
    changed_lists_.erase(list);
  } else {
    being_written_.erase(list);
    changed_lists_.insert(list);
  }
  arm();
}

void Watcher::arm() {
  const auto now = loop_.now();
  if (!restless_since_) restless_since_ = now;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*restless_since_ + longest_wait - now);
  quiet_.arm(std::clamp(left, std::chrono::milliseconds{0}, quiet_time));
}

void Watcher::on_quiet() {
  restless_since_.reset();
  if (!changed_lists_.empty()) changed_(std::exchange(changed_lists_, {}));
}

}  // namespace policymux
