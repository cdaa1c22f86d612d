#include "bench/floor.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "bench/socket.h"

namespace policymux {
namespace {

constexpr std::string_view answer = "action=DUNNO\n\n";

class Floor {
 public:
  explicit Floor(UniqueFd listener) : listener_{std::move(listener)}, epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
    watch(listener_.get());
  }

  Result<Ok, std::string> run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      if (ready < 0 && errno != EINTR) return Unexpected{std::string{std::strerror(errno)}};
      for (int i = 0; i < ready; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_.get()) accept_all(); else serve(fd);
      }
    }
  }

 private:
  void watch(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      if (last_byte_.size() <= static_cast<std::size_t>(fd)) last_byte_.resize(static_cast<std::size_t>(fd) + 1);
      last_byte_[static_cast<std::size_t>(fd)] = '\0';
      watch(fd);
    }
  }

  void serve(int fd) {
    const auto size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
    if (size <= 0) {
      if (size == 0 || errno != EAGAIN) ::close(fd);
      return;
    }
    const auto end = static_cast<std::size_t>(size);
    char& last = last_byte_[static_cast<std::size_t>(fd)];
    const bool cut = last == '\n' && buffer_.front() == '\n';  // the empty line came in two pieces
    last = buffer_[end - 1];
    if (!cut && ::memmem(buffer_.data(), end, "\n\n", 2) == nullptr) return;
    last = '\0';
    if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) ::close(fd);
  }

  UniqueFd listener_, epoll_;
  std::vector<char> last_byte_;  // by descriptor: a request may come in pieces
  std::array<char, 65536> buffer_;
};

}  // namespace

Result<Ok, std::string> run_floor(const FloorOptions& options) {
  if (auto pinned = pin_to_cpu(options.cpu); !pinned) return pinned;
  auto listener = listen_on(options.listen);
  if (!listener) return Unexpected{listener.error()};
  return Floor{std::move(*listener)}.run();
}

}  // namespace policymux
