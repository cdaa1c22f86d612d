#include "bench/floor.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "bench/socket.h"

namespace policymux {
namespace {

constexpr std::string_view answer = "action=DUNNO\n\n";

class EpollServer {
 public:
  explicit EpollServer(UniqueFd listener) : listener_{std::move(listener)}, epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
    watch(listener_.get());
  }
  EpollServer& operator=(EpollServer&&) = delete;

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

 protected:
  ~EpollServer() = default;

  void watch(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  // What has come; empty: nothing has. Nothing: it is over.
  std::optional<std::string_view> receive(int fd) {
    const auto size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
    if (size > 0) return std::string_view{buffer_.data(), static_cast<std::size_t>(size)};
    if (size < 0 && errno == EAGAIN) return std::string_view{};
    return std::nullopt;
  }

 private:
  virtual void accepted(int fd) = 0;
  virtual void serve(int fd) = 0;

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      accepted(fd);
    }
  }

  UniqueFd listener_, epoll_;
  std::array<char, 65536> buffer_;
};

bool send_all(int fd, std::string_view bytes) {
  return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

// The element of a descriptor in a vector that grows as they do.
template <class T>
T& at(std::vector<T>& by_descriptor, int fd, T fresh = {}) {
  const auto index = static_cast<std::size_t>(fd);
  if (by_descriptor.size() <= index) by_descriptor.resize(index + 1, fresh);
  return by_descriptor[index];
}

class Floor final : public EpollServer {
 public:
  using EpollServer::EpollServer;

 private:
  void accepted(int fd) override {
    at(last_byte_, fd) = '\0';
    watch(fd);
  }

  void serve(int fd) override {
    const auto bytes = receive(fd);
    if (!bytes) ::close(fd);
    if (!bytes || bytes->empty()) return;
    char& last = at(last_byte_, fd);
    const bool cut = last == '\n' && bytes->front() == '\n';  // the empty line came in two pieces
    last = bytes->back();
    if (!cut && ::memmem(bytes->data(), bytes->size(), "\n\n", 2) == nullptr) return;
    last = '\0';
    if (!send_all(fd, answer)) ::close(fd);
  }

  std::vector<char> last_byte_;  // by descriptor: a request may come in pieces
};

class Relay final : public EpollServer {
 public:
  Relay(UniqueFd listener, const Endpoint& upstream) : EpollServer{std::move(listener)}, upstream_{upstream} {}

 private:
  void accepted(int fd) override {
    auto connected = connect_to(upstream_);
    if (!connected) {
      ::close(fd);
      return;
    }
    const int other = connected->release();
    at(other_end_, fd, closed) = other;
    at(other_end_, other, closed) = fd;
    watch(fd);
    watch(other);
  }

  void serve(int fd) override {
    const int other = at(other_end_, fd);
    if (other == closed) return;  // in this very pass
    const auto bytes = receive(fd);
    if (bytes && (bytes->empty() || send_all(other, *bytes))) return;
    for (const int each : {fd, other}) {
      at(other_end_, each) = closed;
      ::close(each);
    }
  }

  static constexpr int closed = -1;

  const Endpoint upstream_;
  std::vector<int> other_end_;  // by descriptor
};

}  // namespace

Result<Ok, std::string> run_floor(const FloorOptions& options) {
  if (auto pinned = pin_to_cpu(options.cpu); !pinned) return pinned;
  auto listener = listen_on(options.listen);
  if (!listener) return Unexpected{listener.error()};
  if (!options.upstream) return Floor{std::move(*listener)}.run();
  return Relay{std::move(*listener), *options.upstream}.run();
}

}  // namespace policymux
