#include "app/watcher.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace policymux {
namespace {

constexpr std::size_t most_directories = 4'096;

// What can happen on the way to a list, and to the list itself. Not to a file that has lost its name to another one.
constexpr std::uint32_t on_the_way = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr std::uint32_t to_files = on_the_way | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB;

// What others do to a file that somebody writes to. When it is closed after writing, its directory tells.
constexpr std::uint32_t in_company = IN_OPEN | IN_CLOSE_NOWRITE | IN_MASK_ADD;

constexpr std::uint32_t watch_is_gone = IN_IGNORED | IN_UNMOUNT;

}  // namespace

Watcher::Watcher(Loop& loop, Logger& logger, Changed changed, const Limits& limits)
    : loop_{loop},
      logger_{logger},
      changed_{std::move(changed)},
      limits_{limits},
      fd_{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)},
      io_{loop.raw(), fd_.get(), this},
      quiet_{loop.raw(), this},
      doubt_{loop.raw(), this},
      retry_{loop.raw(), this} {
  if (fd_) io_.want(EV_READ);
  else logger_.format(Level::warning, "lists are not watched: {}", std::strerror(errno));
}

bool Watcher::watch(WatchPlan plan) {
  catch_up();
  if (plan.directories.size() > most_directories) {
    warn_once("", "lists are not watched: they lie in more than 4,096 directories");
    plan = {};
  }
  not_watched_.clear();
  std::map<int, WatchPlan::Directory> now;
  bool any_new = false;
  for (auto& [path, directory] : plan.directories) any_new |= add(path, std::move(directory), now);
  for (const auto& [descriptor, directory] : watched_) {
    if (!now.contains(descriptor)) ::inotify_rm_watch(fd_.get(), descriptor);
  }
  watched_ = std::move(now);
  lists_ = std::move(plan.lists);
  std::erase_if(news_, [this](const auto& news) { return !lists_.contains(news.first); });
  for (auto at = writers_.begin(); at != writers_.end();) at = lists_.contains(at->first) ? std::next(at) : forget(at);
  return any_new;
}

bool Watcher::add(const std::string& path, WatchPlan::Directory directory, std::map<int, WatchPlan::Directory>& to) {
  // One directory may have two paths: what is asked about one must not replace what is asked about the other.
  const auto what = (directory.has_files ? to_files : on_the_way) | IN_MASK_ADD;
  const auto descriptor = ::inotify_add_watch(fd_.get(), path.c_str(), what);
  if (descriptor < 0) {
    const bool is_gone = errno == ENOENT || errno == ENOTDIR;  // as another directory will tell
    if (is_gone || !directory.has_files) return false;
    warn_once(path, fmt::format("cannot watch the lists in {}: {}", path, std::strerror(errno)));
    not_watched_.emplace(path, std::move(directory));
    retry_.arm(limits_.retry);
    return false;
  }
  if (warned_.erase(path) > 0) logger_.format(Level::info, "the lists in {} are watched again", path);
  const bool is_new = !watched_.contains(descriptor);
  auto& known = to[descriptor];
  known.has_files |= directory.has_files;
  known.lists.merge(directory.lists);
  return is_new;
}

// What has changed meanwhile went unnoticed.
void Watcher::on_retry() {
  for (auto& [path, directory] : std::exchange(not_watched_, {})) {
    const auto lists = directory.lists;
    if (!add(path, std::move(directory), watched_)) continue;
    for (const auto& [name, list] : lists) expect_change(list);
  }
}

void Watcher::warn_once(const std::string& directory, std::string_view why) {
  if (warned_.insert(directory).second) logger_.log(Level::warning, why);
}

void Watcher::expect_change(const std::string& list) {
  if (writers_.contains(list)) return;
  wait_for_quiet(list);
}

// The timer is never later than the first that is due, since no due time becomes an earlier one.
void Watcher::wait_for_quiet(const std::string& list) {
  auto& news = news_.try_emplace(list, News{QuietTime{limits_.quiet}}).first->second;
  const auto wait = news.quiet_time.news(loop_.now());
  news.due = loop_.now() + wait;
  if (!quiet_.active()) quiet_.arm(wait);
}

void Watcher::catch_up() {
  alignas(inotify_event) std::array<char, 16'384> buffer;
  while (fd_) {
    const auto got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    const auto end = static_cast<std::size_t>(got);
    for (std::size_t at = 0; at < end;) {
      inotify_event event;
      std::memcpy(&event, &buffer[at], sizeof event);
      const auto* name = &buffer[at] + sizeof event;
      take(event.wd, event.mask, {name, ::strnlen(name, event.len)});
      at += sizeof event + event.len;
    }
  }
  // Now that all news are known, names lead to what they tell of.
  for (auto& [list, writer] : writers_) {
    if (writer.file < 0) writer.file = watch_file(list);
  }
}

void Watcher::take(int descriptor, std::uint32_t what, std::string_view name) {
  if ((what & IN_Q_OVERFLOW) != 0) {
    for (const auto& list : lists_) take(list, what);
    return;
  }
  const auto found = watched_.find(descriptor);
  if (found == watched_.end()) return take_company(descriptor, what);
  const auto& lists = found->second.lists;
  const auto [begin, end] =
      (what & watch_is_gone) != 0 ? std::pair{lists.begin(), lists.end()} : lists.equal_range(name);
  for (auto at = begin; at != end; ++at) take(at->second, what);
}

void Watcher::take(const std::string& list, std::uint32_t what) {
  touched_.insert(list);
  const auto writer = writers_.find(list);
  if ((what & IN_MODIFY) != 0) {
    writers_[list] = {.wrote = loop_.now(), .file = writer == writers_.end() ? -1 : writer->second.file};
  } else if (writer != writers_.end() && (what & IN_CLOSE_WRITE) != 0) {
    take_close(writer);
  } else if (writer != writers_.end() && (what & IN_ATTRIB) == 0) {
    // In the pass that told of the writer his file is not watched yet: what went away may be what comes back, but what
    // only came is another file.
    const bool may_be_his = writer->second.file >= 0 || writer->second.was_moved || (what & IN_MOVED_FROM) != 0;
    if (may_be_his && (what & IN_Q_OVERFLOW) == 0) writer->second.was_moved = true;
    else forget(writer);
  }
  wait_for_quiet(list);
}

void Watcher::take_close(Writers::iterator writer) {
  if (std::exchange(writer->second.in_company, false)) doubt(writer->second);
  else forget(writer);
}

void Watcher::take_company(int file, std::uint32_t what) {
  for (auto at = writers_.begin(); at != writers_.end();) {
    const auto writer = at++;
    auto& state = writer->second;
    if (state.file != file) continue;
    if ((what & IN_OPEN) != 0) {
      state.in_company = true;
    } else if ((what & IN_CLOSE_NOWRITE) != 0 && !std::exchange(state.in_company, false) && state.in_doubt) {
      const auto list = writer->first;
      take(list, IN_CLOSE_WRITE);  // a reader is the other one, so that the writer has gone
    }
  }
}

void Watcher::doubt(Writer& writer) {
  writer.in_doubt = true;
  doubt_.arm(limits_.doubt);
}

Watcher::Writers::iterator Watcher::forget(Writers::iterator writer) {
  if (writer->second.file >= 0) ::inotify_rm_watch(fd_.get(), writer->second.file);
  return writers_.erase(writer);
}

// The same number for the same file.
int Watcher::watch_file(const std::string& list) const {
  return ::inotify_add_watch(fd_.get(), list.c_str(), in_company);
}

// Whatever has become of names meanwhile.
bool Watcher::still_writes(const std::string& list, const Writer& writer) const {
  const int file = watch_file(list);
  if (file >= 0 && file != writer.file) ::inotify_rm_watch(fd_.get(), file);
  return file >= 0 && file == writer.file;
}

std::set<std::string> Watcher::being_written() const {
  std::set<std::string> lists;
  for (const auto& [list, writer] : writers_) lists.insert(list);
  return lists;
}

std::set<std::string> Watcher::being_written_lately() const {
  auto lists = being_written();
  std::erase_if(lists, [this](const auto& list) { return loop_.now() - writers_.at(list).wrote >= limits_.doubt; });
  return lists;
}

void Watcher::on_quiet() {
  std::set<std::string> lists;
  for (auto at = news_.begin(); at != news_.end();) {
    const auto news = at++;
    if (news->second.due > loop_.now()) continue;
    look_at_writer(news->first);
    lists.insert(news->first);
    news_.erase(news);
  }
  if (!news_.empty()) {
    const auto next = std::ranges::min_element(news_, {}, [](const auto& news) { return news.second.due; });
    quiet_.arm(std::chrono::ceil<std::chrono::milliseconds>(next->second.due - loop_.now()));
  }
  if (!lists.empty()) changed_(std::move(lists));
}

void Watcher::look_at_writer(const std::string& list) {
  const auto writer = writers_.find(list);
  if (writer == writers_.end() || !std::exchange(writer->second.was_moved, false)) return;
  if (still_writes(list, writer->second)) doubt(writer->second);
  else forget(writer);
}

void Watcher::on_doubt() {
  for (auto at = writers_.begin(); at != writers_.end();) {
    const auto writer = at++;
    if (!writer->second.in_doubt) continue;
    const auto list = writer->first;
    forget(writer);
    expect_change(list);
  }
}

}  // namespace policymux
