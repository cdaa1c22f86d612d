#include "app/background.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace policymux {
namespace {

Unexpected<std::string> failed(const char* what) { return {std::string{what} + ": " + std::strerror(errno)}; }

[[noreturn]] void wait_for(UniqueFd child) {
  char news = 0;
  ssize_t got = 0;
  do got = ::read(child.get(), &news, 1);
  while (got < 0 && errno == EINTR);
  ::_exit(got == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

}  // namespace

Result<Background, std::string> Background::enter() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed("pipe");
  UniqueFd reading{ends[0]}, writing{ends[1]};
  const auto child = ::fork();
  if (child < 0) return failed("fork");
  if (child > 0) {
    writing = UniqueFd{};
    wait_for(std::move(reading));
  }
  if (::setsid() < 0) return failed("setsid");
  return Background{std::move(writing)};
}

void Background::ready(bool keep_stderr) {
  const UniqueFd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  for (int fd = 0; fd <= (keep_stderr ? 1 : 2) && null; ++fd) ::dup2(null.get(), fd);
  [[maybe_unused]] const auto written = ::write(parent_.get(), "", 1);
  parent_ = UniqueFd{};
}

}  // namespace policymux
