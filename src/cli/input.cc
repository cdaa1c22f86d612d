#include "cli/input.h"

#include <unistd.h>

#include <array>
#include <cerrno>

namespace policymux {

std::string read_all(int fd) {
  std::string text;
  std::array<char, 16384> piece;
  while (true) {
    const auto got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace policymux
