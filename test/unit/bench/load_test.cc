// The load generator against the floor, each in a process of its own.
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>

#include "bench/bench.h"
#include "bench/socket.h"
#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;

namespace {

sockaddr_in own_address(const UniqueFd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return address;
}

// A port of this host that nobody listened on a moment ago.
std::uint16_t unused_port() {
  const auto listener = listen_on({.host = "127.0.0.1", .port = 0});
  REQUIRE(listener);
  return ntohs(own_address(*listener).sin_port);
}

// A server in a child, on a socket in a directory that goes with it, or on a port.
class ServerProcess {
 public:
  explicit ServerProcess(void (*serve)(const Endpoint&), Endpoint::Kind kind = Endpoint::Kind::local) {
    REQUIRE(::mkdtemp(directory_.data()) != nullptr);
    endpoint = {.kind = Endpoint::Kind::local, .path = directory_ + "/floor"};
    if (kind == Endpoint::Kind::inet) endpoint = {.host = "127.0.0.1", .port = unused_port()};
    pid_ = ::fork();
    if (pid_ == 0) {
      serve(endpoint);
      ::_exit(1);
    }
    while (!connect_to(endpoint)) ::usleep(1000);
  }
  ~ServerProcess() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::unlink(endpoint.path.c_str());
    ::rmdir(directory_.c_str());
  }
  Endpoint endpoint;

 private:
  std::string directory_ = "/tmp/policymux-floor-XXXXXX";
  pid_t pid_ = -1;
};

void serve_floor(const Endpoint& endpoint) { (void)run_floor({.listen = endpoint}); }

// One answer on each connection, then nothing but waiting for its end.
void serve_once_each(const Endpoint& endpoint) {
  const auto listener = listen_on(endpoint);
  for (char bytes[4096]; listener;) {
    pollfd ready{.fd = listener->get(), .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, -1);
    const UniqueFd client{::accept(listener->get(), nullptr, nullptr)};
    if (::read(client.get(), bytes, sizeof bytes) <= 0) continue;
    ::send(client.get(), "action=DUNNO\n\n", 14, MSG_NOSIGNAL);
    while (::read(client.get(), bytes, sizeof bytes) > 0) {}
  }
}

}  // namespace

TEST_CASE("every request is answered, in a closed loop and at a fixed rate") {
  const ServerProcess floor{serve_floor};
  for (const bool reconnect : {false, true}) {
    for (const double rate : {0., 5000.}) {
      CAPTURE(reconnect, rate);
      const auto report = run_load({.target = floor.endpoint, .connections = 5, .reconnect = reconnect, .rate = rate,
                                    .duration = 60s, .warm_up = 10ms, .count = 500});
      REQUIRE(report);
      CHECK(report->failures == 0);
      CHECK(report->unanswered == 0);
      CHECK(report->latency.total() >= 500);
      CHECK(report->latency.percentile(.99) >= report->latency.percentile(.5));
    }
  }
}

TEST_CASE("with reconnect each request has a connection of its own") {
  for (const auto kind : {Endpoint::Kind::local, Endpoint::Kind::inet}) {
    const ServerProcess server{serve_once_each, kind};
    const auto report = run_load({.target = server.endpoint, .connections = 1, .reconnect = true, .duration = 60s,
                                  .warm_up = 0ms, .count = 20});
    REQUIRE(report);
    CHECK(report->failures == 0);
    CHECK(report->latency.total() >= 20);
  }
}

// The bench measured the kernel's search for a free port once, and called it the daemon.
TEST_CASE("connections to this host come from many addresses: those of one have only so many ports") {
  const auto listener = listen_on({.host = "127.0.0.1", .port = 0});
  REQUIRE(listener);
  const Endpoint endpoint{.host = "127.0.0.1", .port = ntohs(own_address(*listener).sin_port)};
  const auto target = resolve(endpoint);
  REQUIRE(target);
  std::set<std::uint32_t> sources;
  for (std::uint64_t nth = 0; nth < 300; ++nth) {
    const auto fd = begin_connect(endpoint, *target, nth);
    REQUIRE(fd);
    sources.insert(own_address(*fd).sin_addr.s_addr);
  }
  CHECK(sources.size() == 256);
}

TEST_CASE("time ends a measurement, too") {
  const ServerProcess floor{serve_floor};
  const auto report = run_load({.target = floor.endpoint, .connections = 2, .duration = 50ms, .warm_up = 0ms});
  REQUIRE(report);
  CHECK(report->answers > 0);
  CHECK(report->elapsed == 50ms);
}

TEST_CASE("a server that is not there is an error that names it") {
  const Endpoint nowhere{.kind = Endpoint::Kind::local, .path = "/nonexistent/socket"};
  const auto report = run_load({.target = nowhere});
  REQUIRE_FALSE(report);
  CHECK(report.error() == "unix:/nonexistent/socket: No such file or directory");
}

TEST_CASE("a core that is not there is an error") {
  CHECK_FALSE(pin_to_cpu(100'000));
  CHECK(pin_to_cpu(std::nullopt));
}

TEST_CASE("a report is one line of JSON") {
  LoadReport report;
  report.answers = 10;
  report.elapsed = 2s;
  report.latency.add(1us);
  CHECK(format_json(report) == "{\"rate\": 5.0, \"p50\": 1.01, \"p99\": 1.01, \"p999\": 1.01, \"max\": 1.01, \"answers\": 10, "
                               "\"all_answers\": 0, \"seconds\": 2.0000, \"failures\": 0, \"unanswered\": 0, \"client_cpu\": 0.000}\n");
}
