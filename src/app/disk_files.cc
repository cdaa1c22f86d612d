#include "app/disk_files.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/unique_fd.h"

namespace policymux {
namespace {

constexpr off_t size_limit = off_t{4} << 30;

// The kernel's clock for the times of files stands still for at most this long (HZ=100).
constexpr std::chrono::milliseconds tick{20};

Unexpected<std::string> failure(int error) { return {std::strerror(error)}; }

Result<UniqueFd, std::string> open_regular(const std::string& path) {
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!fd) return failure(errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failure(errno);
  if (S_ISDIR(status.st_mode)) return failure(EISDIR);
  if (!S_ISREG(status.st_mode)) return Unexpected<std::string>{"Not a regular file"};
  if (status.st_size > size_limit) return failure(EFBIG);
  return fd;
}

Result<std::string, std::string> read_all(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return failure(errno);
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t size = 0;
  while (true) {
    if (size == text.size()) text.resize(size + 4096);  // it may have grown, and the end must be seen
    const auto got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > static_cast<std::size_t>(size_limit)) return failure(EFBIG);
  }
  text.resize(size);
  return text;
}

std::string signature_of(const struct stat& status) {
  return fmt::format("{}:{}:{}:{}.{:09}:{}.{:09}", status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
}

std::string signature_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? signature_of(status) : std::string{};
}

// Then a further change would show in none of its times.
bool changed_in_this_tick(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return false;
  const auto changed = std::chrono::seconds{status.st_ctim.tv_sec} + std::chrono::nanoseconds{status.st_ctim.tv_nsec};
  const auto age = std::chrono::system_clock::now().time_since_epoch() - changed;
  return age > -tick && age < tick;
}

}  // namespace

Result<std::string, std::string> DiskFiles::read(const std::string& path) {
  const auto fd = open_regular(path);
  if (!fd) return Unexpected{fd.error()};
  return read_all(fd->get());
}

Result<ListText, std::string> DiskFiles::read_list(const std::string& path) {
  const auto fd = open_regular(path);
  if (!fd) return Unexpected{fd.error()};
  if (changed_in_this_tick(fd->get())) std::this_thread::sleep_for(tick);
  const auto before = signature_of(fd->get());
  auto text = read_all(fd->get());
  if (!text) return Unexpected{std::move(text).error()};
  if (signature_of(fd->get()) != before) return Unexpected<std::string>{"It changed while it was read"};
  return ListText{*std::move(text), before};
}

std::optional<std::string> DiskFiles::signature(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return signature_of(status);
}

std::vector<std::string> DiskFiles::glob(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace policymux
