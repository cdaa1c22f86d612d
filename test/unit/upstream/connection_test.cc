#include "upstream/connection.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <memory>
#include <string>
#include <vector>

#include "base/sockets.h"
#include "support/catch.h"
#include "support/temporary_directory.h"
#include "unit/upstream/exchange_house.h"

using namespace policymux;
using namespace policymux::test;

namespace {

// Listens at a unix socket, and accepts nobody until it is told to.
class UnixListener {
 public:
  explicit UnixListener(const std::string& name)
      : endpoint_{.kind = Endpoint::Kind::local, .path = directory_.path() + "/" + name} {
    REQUIRE(::bind(socket_.get(), address().get(), address().size) == 0);
    REQUIRE(::listen(socket_.get(), 0) == 0);
  }

  const Endpoint& endpoint() const { return endpoint_; }
  SocketAddress address() const { return (*addresses_of(endpoint_)).front(); }

  // Until connect(2) finds no more room.
  void fill() {
    while (true) {
      UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
      if (::connect(fd.get(), address().get(), address().size) != 0) break;
      strangers_.push_back(std::move(fd));
    }
    REQUIRE(errno == EAGAIN);
  }
  // Accepts who is there; answers who has asked, and closes.
  void step() {
    while (true) {
      UniqueFd fd{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
      if (!fd) break;
      guests_.push_back(std::make_unique<ScriptedPeer>(std::move(fd)));
    }
    std::erase_if(guests_, [](const auto& guest) {
      return guest->received().ends_with("\n\n") && guest->try_send("action=OK\n\n");
    });
  }
  void stop() { socket_ = UniqueFd{}; }

 private:
  TemporaryDirectory directory_{};
  Endpoint endpoint_;
  UniqueFd socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  std::vector<UniqueFd> strangers_{};
  std::vector<std::unique_ptr<ScriptedPeer>> guests_{};
};

// A connection and who keeps it.
struct Bench final : ConnectionOwner {
  void connected(Connection&) override { told += "connected"; }
  void answered(Connection&, const CheckedAction&) override { told += "answered"; }
  void lost(Connection&, const Loss& loss) override { told += failure_row(loss.failure).text; }
  void left(Connection&) override { told += "left"; }

  // What is told of a connection to these.
  std::string connect(const std::vector<SocketAddress>& addresses) {
    REQUIRE_FALSE(connection.connect(addresses, 0, loop.now() + 100ms));
    CHECK(connection.state() == Connection::State::connecting);
    run_until(loop, [&] { return !told.empty(); });
    return told;
  }

  Loop loop{};
  CapturedLog log{};
  Exchange exchange{.loop = loop, .logger = log.logger, .random = {}, .on_try = {}, .first_back_off = 1s};
  std::string told{};
  ConnectionOwner& owner = *this;
  Connection connection{exchange, owner, {}};
};

std::string text_of(Failure failure) { return std::string{failure_row(failure).text}; }

}  // namespace

TEST_CASE("a request waits until a unix listener whose queue is full has room for its connection") {
  UnixListener listener{"full"};
  ExchangeHouse house;
  house.config.services.push_back({.name = "s", .address = listener.endpoint(), .group = "g", .timeout = 30s});
  listener.fill();
  const auto waits = house.start();
  const auto later = house.loop.now() + 30ms;
  house.until([&] { return house.loop.now() > later; });
  CHECK_FALSE(waits->done());
  CHECK(house.service().state == Breaker::State::closed);
  house.until([&] { return listener.step(), waits->done(); });
  CHECK(waits->action() == "OK");
  CHECK(house.service().figures.requests == 1);
}

TEST_CASE("a unix listener's queue that is full to the end is a time-out") {
  UnixListener listener{"full"};
  listener.fill();
  Bench bench;
  CHECK(bench.connect({listener.address()}) == text_of(Failure::timed_out));
  CHECK(bench.connection.state() == Connection::State::closed);
}

TEST_CASE("an address whose queue stays full leaves time for the next one") {
  UnixListener full{"full"}, free{"free"};
  full.fill();
  Bench bench;
  CHECK(bench.connect({full.address(), free.address()}) == "connected");
  CHECK(bench.connection.address() == 1);
}

TEST_CASE("a listener that ends while its queue is full refuses") {
  UnixListener listener{"full"};
  listener.fill();
  Bench bench;
  const std::vector addresses{listener.address()};
  REQUIRE_FALSE(bench.connection.connect(addresses, 0, bench.loop.now() + 1min));
  listener.stop();
  run_until(bench.loop, [&] { return !bench.told.empty(); });
  CHECK(bench.told == text_of(Failure::refused));
}

TEST_CASE("a connection that waits for room in a queue may be closed") {
  UnixListener listener{"full"};
  listener.fill();
  Bench bench;
  const std::vector addresses{listener.address()};
  REQUIRE_FALSE(bench.connection.connect(addresses, 0, bench.loop.now() + 1ms));
  bench.connection.close();
  const auto later = bench.loop.now() + 20ms;
  run_until(bench.loop, [&] { return bench.loop.now() > later; });
  CHECK(bench.told.empty());
}
