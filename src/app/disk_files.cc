#include "app/disk_files.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>
#include <string_view>
#include <thread>
#include <utility>

#include "base/unique_fd.h"

namespace policymux {
namespace {

constexpr std::size_t size_limit = std::size_t{4} << 30;
constexpr int most_attempts = 3;

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
  if (static_cast<std::size_t>(status.st_size) > size_limit) return failure(EFBIG);
  return fd;
}

// As much as there is, up to the size of `room`; 0: the end.
Result<std::size_t, std::string> read_some(int fd, std::span<char> room) {
  while (true) {
    const auto got = ::read(fd, room.data(), room.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return failure(errno);
  }
}

Result<struct stat, std::string> status_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return failure(errno);
  return status;
}

Result<std::string, std::string> read_all(int fd) {
  const auto status = status_of(fd);
  if (!status) return Unexpected{status.error()};
  std::string text(static_cast<std::size_t>(status->st_size), '\0');
  std::size_t size = 0;
  while (true) {
    if (size == text.size()) text.resize(size + 4096);  // it may have grown, and the end must be seen
    const auto got = read_some(fd, std::span{text}.subspan(size));
    if (!got) return Unexpected{got.error()};
    if (*got == 0) break;
    size += *got;
    if (size > size_limit) return failure(EFBIG);
  }
  text.resize(size);
  return text;
}

// Collects what is read in pieces that end where lines end.
class PieceCollector {
 public:
  explicit PieceCollector(std::size_t expected) : last_(std::min(expected + 1, piece_size)) {}

  // Where to read to. Never empty.
  std::span<char> room() {
    if (used_ == last_.size()) make_room();
    return std::span{last_}.subspan(used_);
  }
  void took(std::size_t bytes) { used_ += bytes; }

  std::vector<TextPiece> finish() && {
    last_.resize(used_);
    pieces_.push_back(std::move(last_));
    return std::move(pieces_);
  }

 private:
  static constexpr std::size_t piece_size = large_page;

  void make_room() {
    const auto newline = std::string_view{last_.data(), used_}.rfind('\n');
    if (newline == std::string_view::npos) return last_.resize(2 * used_);  // one long line
    const auto end = newline + 1, rest = used_ - end;
    TextPiece next(std::max(piece_size, 2 * rest));
    std::copy_n(last_.data() + end, rest, next.data());
    last_.resize(end);
    pieces_.push_back(std::exchange(last_, std::move(next)));
    used_ = rest;
  }

  std::vector<TextPiece> pieces_;
  TextPiece last_;
  std::size_t used_ = 0;  // of the last one
};

Result<std::vector<TextPiece>, std::string> read_pieces(int fd, std::size_t expected) {
  PieceCollector pieces{expected};
  for (std::size_t size = 0; size <= size_limit;) {
    const auto got = read_some(fd, pieces.room());
    if (!got) return Unexpected{got.error()};
    if (*got == 0) return std::move(pieces).finish();
    pieces.took(*got);
    size += *got;
  }
  return failure(EFBIG);
}

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

Signature signature_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<std::uint64_t>(status.st_size),
          .modified = nanoseconds(status.st_mtim),
          .changed = nanoseconds(status.st_ctim)};
}

// Then a further change would show in none of its times.
bool changed_in_this_tick(const struct stat& status) {
  const auto age = std::chrono::system_clock::now().time_since_epoch() -
                   std::chrono::nanoseconds{nanoseconds(status.st_ctim)};
  return age > -tick && age < tick;
}

// nullopt: it changed while it was read.
Result<std::optional<ListText>, std::string> try_to_read_list(const std::string& path) {
  const auto fd = open_regular(path);
  if (!fd) return Unexpected{fd.error()};
  auto before = status_of(fd->get());
  if (before && changed_in_this_tick(*before)) {
    std::this_thread::sleep_for(tick);
    before = status_of(fd->get());
  }
  if (!before) return Unexpected{before.error()};
  const auto signature = signature_of(*before);
  auto pieces = read_pieces(fd->get(), signature.size);
  if (!pieces) return Unexpected{std::move(pieces).error()};
  const auto after = status_of(fd->get());
  if (!after || signature_of(*after) != signature) return std::optional<ListText>{};
  return std::optional{ListText{*std::move(pieces), signature}};
}

}  // namespace

Result<std::string, std::string> DiskFiles::read(const std::string& path) {
  const auto fd = open_regular(root_ + path);
  if (!fd) return Unexpected{fd.error()};
  return read_all(fd->get());
}

Result<ListText, std::string> DiskFiles::read_list(const std::string& path) {
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    auto text = try_to_read_list(root_ + path);
    if (!text) return Unexpected{std::move(text).error()};
    if (*text) return **std::move(text);
  }
  return Unexpected<std::string>{"It changes while it is read"};
}

std::optional<Signature> DiskFiles::signature(const std::string& path) {
  struct stat status {};
  if (::stat((root_ + path).c_str(), &status) != 0) return std::nullopt;
  return signature_of(status);
}

std::vector<std::string> DiskFiles::glob(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (::glob((root_ + pattern).c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
    for (const auto* path : std::span{found.gl_pathv, found.gl_pathc}) paths.emplace_back(path + root_.size());
  }
  ::globfree(&found);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace policymux
