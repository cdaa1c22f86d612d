#include "app/systemd.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "support/catch.h"
#include "support/loop_runner.h"
#include "support/temporary_directory.h"

using namespace policymux;
using namespace policymux::test;
using namespace std::chrono_literals;

namespace {

// The other end of NOTIFY_SOCKET.
class Manager {
 public:
  explicit Manager(const std::string& path) : fd_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  // The next message; empty: there is none.
  std::string message() {
    char buffer[4096];
    const auto n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    return n < 0 ? std::string{} : std::string{buffer, static_cast<std::size_t>(n)};
  }

 private:
  UniqueFd fd_;
};

constexpr const char* variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS",
                                     "LISTEN_FDNAMES"};

}  // namespace

TEST_CASE("what systemd hands over is taken out of the environment") {
  const TemporaryDirectory directory;
  const auto path = directory.path() + "/notify";
  Manager manager{path};
  const auto own = std::to_string(::getpid());
  const std::string values[] = {path, "3000000", own, own, "0", "a:b"};
  for (std::size_t i = 0; i < std::size(variables); ++i) ::setenv(variables[i], values[i].c_str(), 1);
  const auto handover = take_handover();
  REQUIRE(handover);
  CHECK(handover->watchdog == 3s);
  CHECK(handover->sockets.empty());
  for (const auto* const name : variables) {
    CAPTURE(name);
    CHECK(std::getenv(name) == nullptr);
  }
  handover->manager.ready("Serving");
  CHECK(manager.message() == "READY=1\nSTATUS=Serving");
  handover->manager.reloading();
  CHECK(manager.message().starts_with("RELOADING=1\nMONOTONIC_USEC="));
}

TEST_CASE("what is meant for another process is left alone") {
  for (const auto* const name : {"WATCHDOG_PID", "LISTEN_PID"}) ::setenv(name, "1", 1);
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ::setenv("LISTEN_FDS", "1", 1);
  const auto handover = take_handover();
  REQUIRE(handover);
  CHECK(handover->watchdog == std::nullopt);
  CHECK(handover->sockets.empty());
}

TEST_CASE("a manager that cannot be reached is none") {
  for (const auto* const socket : {"", "@", "relative", "vsock:2:1", "/nonexistent/notify", "@nobody-listens-here"}) {
    CAPTURE(socket);
    ServiceManager{socket}.ready("Serving");
  }
  ServiceManager{std::string(200, '/')}.ready("Serving");
}

TEST_CASE("a manager that reads nothing holds up nobody") {
  const TemporaryDirectory directory;
  Manager deaf{directory.path() + "/notify"};
  const ServiceManager manager{directory.path() + "/notify"};
  for (int i = 0; i < 10'000; ++i) manager.alive();
  CHECK(deaf.message() == "WATCHDOG=1");
}

TEST_CASE("the heartbeat goes on") {
  const TemporaryDirectory directory;
  Manager manager{directory.path() + "/notify"};
  const ServiceManager to{directory.path() + "/notify"};
  Loop loop;
  const Heartbeat none{loop, to, std::nullopt};
  CHECK(manager.message().empty());
  const Heartbeat heartbeat{loop, to, 4ms};
  int beats = 0;
  run_until(loop, [&] {
    while (manager.message() == "WATCHDOG=1") ++beats;
    return beats >= 3;
  });
}
