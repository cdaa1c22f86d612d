#include "app/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace policymux {
namespace {

Unexpected<std::string> failed(const char* what) { return {std::string{what} + ": " + std::strerror(errno)}; }

UniqueFd private_copy(int fd) { return UniqueFd{::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)}; }

}  // namespace

Result<StandardStreams, std::string> StandardStreams::take() {
  StandardStreams streams{private_copy(STDIN_FILENO), private_copy(STDOUT_FILENO)};
  const auto problem = !streams.in ? failed("standard input") : failed("standard output");
  const bool complete = streams.in && streams.out;
  const UniqueFd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  if (!null) return failed("/dev/null");
  const int last = ::isatty(STDERR_FILENO) == 1 ? STDOUT_FILENO : STDERR_FILENO;
  for (int fd = STDIN_FILENO; fd <= last; ++fd) {
    if (::dup2(null.get(), fd) < 0) return failed("dup2");
  }
  if (!complete) return problem;
  return streams;
}

}  // namespace policymux
