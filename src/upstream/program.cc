#include "upstream/program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
extern "C" {
#include <sys/pidfd.h>  // glibc 2.36's is C
}

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace policymux {
namespace {

using Problem = Unexpected<std::string>;

constexpr int first_free = STDERR_FILENO + 1;

Problem failed(int error) { return {std::strerror(error)}; }

// ---- what it is started with ----

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

std::vector<std::string> environment_of(const Program& program) {
  std::vector<std::string> out{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
  for (const auto& variable : program.environment) {
    std::erase_if(out, [&](const std::string& other) { return name_of(other) == name_of(variable); });
    out.push_back(variable);
  }
  return out;
}

bool is_program(const std::string& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) && (found.st_mode & 0111) != 0;
}

Result<std::string, std::string> look_up(const std::string& word, const std::vector<std::string>& environment) {
  constexpr std::string_view path = "PATH=";
  const auto set = std::ranges::find_if(environment, [&](const auto& variable) { return variable.starts_with(path); });
  assert(set != environment.end());  // environment_of() sees to it
  for (const auto directory : split_words(std::string_view{*set}.substr(path.size()), ":")) {
    auto place = fmt::format("{}/{}", directory, word);
    if (is_program(place)) return place;
  }
  return Problem{fmt::format("{}: not found in PATH", word)};
}

Result<std::string, std::string> path_of(const Program& program, const std::vector<std::string>& environment) {
  const auto& word = program.words.front();
  if (word.starts_with('/')) return word;
  if (word.find('/') == word.npos) return look_up(word, environment);
  return fmt::format("{}/{}", program.directory, word);
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const auto& word : words) out.push_back(const_cast<char*>(word.c_str()));  // execve() changes none
  out.push_back(nullptr);
  return out;
}

// ---- descriptors ----

// What is to become one of the standard descriptors must not be one: putting the others in place would close it.
UniqueFd away_from_standard(UniqueFd fd) {
  if (!fd || fd.get() >= first_free) return fd;
  return UniqueFd{::fcntl(fd.get(), F_DUPFD_CLOEXEC, first_free)};
}

struct SocketPair {
  UniqueFd ours{}, theirs{};  // theirs blocks, as programs expect it
};

Result<SocketPair, std::string> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return failed(errno);
  SocketPair pair{UniqueFd{ends[0]}, away_from_standard(UniqueFd{ends[1]})};
  if (!pair.theirs || ::fcntl(pair.ours.get(), F_SETFL, O_NONBLOCK) != 0) return failed(errno);
  return pair;
}

// ---- posix_spawn's tables ----

class Actions {
 public:
  Actions(const Program& program, int socket, int standard_error) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, socket, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, socket, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, standard_error, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, first_free);
    ::posix_spawn_file_actions_addchdir_np(&actions_, program.directory.c_str());
  }
  ~Actions() { ::posix_spawn_file_actions_destroy(&actions_); }
  Actions& operator=(Actions&&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class Attributes {
 public:
  Attributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  Attributes& operator=(Attributes&&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

// ---- the end ----

std::string text_of(const siginfo_t& end) {
  if (end.si_code == CLD_EXITED) return fmt::format("exit status {}", end.si_status);
  return fmt::format("killed by signal {}{}", end.si_status, end.si_code == CLD_DUMPED ? ", core dumped" : "");
}

// Nobody can watch it: it must not live.
void abandon(const Child& child) {
  signal_all(child, SIGKILL);
  while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {}
}

}  // namespace

Program program_of(const Config::Service& service) {
  return {.words = std::get<Config::Command>(service.address).words,
          .directory = service.directory.empty() ? "/" : service.directory,
          .environment = service.environment};
}

Result<Child, std::string> start(const Program& program, int standard_error) {
  assert(!program.words.empty());
  auto pair = socket_pair();
  if (!pair) return Problem{pair.error()};
  const UniqueFd error_fd{::fcntl(standard_error, F_DUPFD_CLOEXEC, first_free)};
  if (!error_fd) return failed(errno);
  const auto environment = environment_of(program);
  const auto path = path_of(program, environment);
  if (!path) return Problem{path.error()};
  const Actions actions{program, pair->theirs.get(), error_fd.get()};
  const Attributes attributes;
  Child child;
  const int error = ::posix_spawn(&child.pid, path->c_str(), actions.get(), attributes.get(),
                                  pointers(program.words).data(), pointers(environment).data());
  if (error != 0) return Problem{flaw_of(program).value_or(std::strerror(error))};
  child.pidfd = UniqueFd{::pidfd_open(child.pid, 0)};
  if (!child.pidfd) {
    const int reason = errno;
    abandon(child);
    return failed(reason);
  }
  child.socket = std::move((*std::move(pair)).ours);
  return child;
}

void signal_all(const Child& child, int signal) { ::kill(-child.pid, signal); }

std::optional<std::string> reap(const Child& child) {
  siginfo_t end{};
  const auto id = static_cast<id_t>(child.pid);
  if (::waitid(P_PID, id, &end, WEXITED | WNOHANG | WNOWAIT) != 0) return "ended";  // who started us ignores SIGCHLD
  if (end.si_pid == 0) return std::nullopt;
  signal_all(child, SIGKILL);  // while its number is still its own
  ::waitid(P_PID, id, &end, WEXITED | WNOHANG);
  return text_of(end);
}

std::optional<std::string> flaw_of(const Program& program) {
  struct stat found{};
  if (::stat(program.directory.c_str(), &found) != 0) {
    return fmt::format("directory {}: {}", program.directory, std::strerror(errno));
  }
  const auto path = path_of(program, environment_of(program));
  if (!path) return path.error();
  if (::stat(path->c_str(), &found) != 0) return fmt::format("{}: {}", *path, std::strerror(errno));
  if (!S_ISREG(found.st_mode) || (found.st_mode & 0111) == 0) return fmt::format("{}: it is no program", *path);
  return std::nullopt;
}

}  // namespace policymux
