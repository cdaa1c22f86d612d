// The one owner of a file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace policymux {

class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) noexcept : fd_{fd} {}
  UniqueFd(UniqueFd&& from) noexcept : fd_{std::exchange(from.fd_, -1)} {}
  UniqueFd& operator=(UniqueFd from) noexcept { std::swap(fd_, from.fd_); return *this; }
  ~UniqueFd() { if (fd_ >= 0) ::close(fd_); }

  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace policymux
