// What the hot path may cost, counted.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/catch.h"
#include "support/count_allocations.h"
#include "unit/session/house.h"

namespace {

struct Calls {
  int recv = 0, send = 0, epoll_ctl = 0;
} calls;

}  // namespace

// These come before the C library's, for libev's calls too.
extern "C" {
ssize_t recv(int fd, void* buffer, size_t size, int flags) {
  ++calls.recv;
  return ::syscall(SYS_recvfrom, fd, buffer, size, flags, nullptr, nullptr);
}
ssize_t send(int fd, const void* buffer, size_t size, int flags) {
  ++calls.send;
  return ::syscall(SYS_sendto, fd, buffer, size, flags, nullptr, 0);
}
int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  ++calls.epoll_ctl;
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, fd, event));
}
}

using namespace policymux;
using namespace policymux::test;

namespace {

class ConstantHandler final : public RequestHandler {
 public:
  std::optional<std::string_view> handle(const Request&, Conversation&) override {
    ++handled;
    return "action=DUNNO\n\n";
  }
  std::unique_ptr<Suspended> suspend(const Request&, Conversation&, Client&) override { return nullptr; }
  int handled = 0;
};

}  // namespace

TEST_CASE("system calls per inline request on a kept connection: one recv, one send, no epoll_ctl, no allocation") {
  Loop loop;
  CapturedLog log;
  Metrics metrics;
  ConstantHandler handler;
  Server server{loop, handler, log.logger, metrics, {}};
  auto [peer, fd] = ScriptedPeer::pair();
  server.adopt(std::move(fd), {.name = "inet:192.0.2.1:4000", .local = false});
  const auto request = request_from("a@b");
  const auto ask = [&] {
    const int before = handler.handled;
    if (::syscall(SYS_write, peer.fd(), request.data(), request.size()) < 0) return;
    while (handler.handled == before) loop.run_once();
    char reply[64];
    if (::syscall(SYS_read, peer.fd(), reply, sizeof reply) < 0) return;
  };
  for (int i = 0; i < 10; ++i) ask();
  const auto allocated = allocations;
  calls = {};
  for (int i = 0; i < 100; ++i) ask();
  const Calls counted = calls;
  const auto allocated_after = allocations;
  CHECK(counted.recv == 100);
  CHECK(counted.send == 100);
  CHECK(counted.epoll_ctl == 0);
  CHECK(allocated_after == allocated);
}

TEST_CASE("an idle connection is small") { CHECK(sizeof(Session) <= 512); }
