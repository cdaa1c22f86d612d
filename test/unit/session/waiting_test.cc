// The whole life of a request that waits: a connection, the decider, and a room that answers when told.
#include "decide/decider.h"
#include "session/server.h"
#include "support/captured_log.h"
#include "support/loop_runner.h"
#include "support/policy_text.h"
#include "support/scripted_asker.h"
#include "support/scripted_peer.h"

using namespace policymux;
using namespace policymux::test;

namespace {

constexpr std::string_view policy =
    "acl listed rbl zen.example\nacl grey greylisting\nacl bad sender bad\naction no REJECT bad\naction black REJECT listed\n"
    "action later DEFER grey\naccess bad no\naccess listed black\naccess grey later\n";
constexpr std::string_view listed = "action=REJECT listed\n\n", bad = "action=REJECT bad\n\n", dunno = "action=DUNNO\n\n";

std::string request(std::string_view sender, std::string_view address = "192.0.2.1") {
  return "request=smtpd_access_policy\nprotocol_state=RCPT\nsender=" + std::string{sender} + "\nclient_address=" +
         std::string{address} + "\n\n";
}

struct House {
  House() : decider{loop, log.logger, metrics, table_of(policy), {}}, server{loop, decider, log.logger, metrics, {}} {
    for (const auto kind : every_question) decider.plug(kind, asker);
  }
  ScriptedPeer connect() {
    auto [ours, theirs] = ScriptedPeer::pair();
    server.adopt(std::move(theirs), {.name = "unix:/test", .local = true});
    return std::move(ours);
  }
  void until(const std::function<bool()>& done) { run_until(loop, done); }

  Loop loop;
  CapturedLog log;
  Metrics metrics;
  ScriptedAsker asker;
  Decider decider;
  Server server;
};

}  // namespace

TEST_CASE("clients with pipelined requests are served in order, also where the first one waits") {
  House house;
  auto peer = house.connect();
  peer.send(request("x") + request("bad") + request("y", "192.0.2.2"));
  house.until([&] { return house.asker.size() == 1; });
  run_passes(house.loop, 3);
  CHECK(peer.received().empty());
  house.asker.answer(0, Outcome::yes);
  house.until([&] { return house.asker.size() == 2; });
  CHECK(peer.received() == std::string{listed} + std::string{bad});
  house.asker.answer(1, Outcome::no);
  REQUIRE(house.asker.size() == 3);
  house.asker.answer(2, Outcome::no);
  CHECK(peer.received() == std::string{listed} + std::string{bad} + std::string{dunno});
}

TEST_CASE("one client's waiting request holds up nobody else") {
  House house;
  auto slow = house.connect(), quick = house.connect();
  slow.send(request("x"));
  house.until([&] { return house.asker.size() == 1; });
  quick.send(request("bad"));
  house.until([&] { return quick.received() == bad; });
  CHECK(slow.received().empty());
}

TEST_CASE("\"End of stream from the client: stop reading, finish, answer, close\"") {
  House house;
  auto peer = house.connect();
  peer.send(request("x"));
  peer.half_close();
  house.until([&] { return house.asker.size() == 1; });
  run_passes(house.loop, 3);
  CHECK_FALSE(house.asker[0].forgotten);
  CHECK_FALSE(peer.closed());
  house.asker.answer(0, Outcome::yes);
  house.until([&] { return peer.closed(); });
  CHECK(peer.received() == listed);
}

TEST_CASE("\"Only a reset or a socket error cancels: then nothing more is asked for it\"") {
  House house;
  auto sockets = listen_on({.host = "127.0.0.1", .port = 0});
  REQUIRE(sockets);
  const int fd = sockets->front().fd();
  house.server.listen(std::move(sockets->front()));
  auto peer = ScriptedPeer::connect_to(fd);
  peer.send(request("x"));
  house.until([&] { return house.asker.size() == 1; });
  peer.reset();
  house.until([&] { return house.server.connections() == 0; });
  CHECK(house.asker[0].forgotten);
  CHECK_FALSE(house.asker.answer(0, Outcome::no));
  CHECK(house.asker.size() == 1);
}

TEST_CASE("a stop answers what was received, a request that waits too") {
  House house;
  auto waiting = house.connect(), idle = house.connect();
  waiting.send(request("x") + request("bad"));
  house.until([&] { return house.asker.size() == 1; });
  bool drained = false;
  house.server.stop(std::chrono::seconds{60}, [&] { drained = true; });
  house.until([&] { return idle.closed(); });
  CHECK_FALSE(drained);
  house.asker.answer(0, Outcome::yes);
  house.until([&] { return drained; });
  CHECK(waiting.received() == std::string{listed} + std::string{bad});
  CHECK(waiting.closed());
}

TEST_CASE("a request that still waits when the time for a stop is up is cancelled") {
  House house;
  auto peer = house.connect();
  peer.send(request("x"));
  house.until([&] { return house.asker.size() == 1; });
  bool drained = false;
  house.server.stop(milliseconds{5}, [&] { drained = true; });
  house.until([&] { return drained; });
  CHECK(house.asker[0].forgotten);
  CHECK(peer.received().empty());
}

TEST_CASE("a reload while requests wait: old ones keep their table, pipelined ones behind them see the new one") {
  House house;
  auto peer = house.connect();
  peer.send(request("x") + request("bad"));
  house.until([&] { return house.asker.size() == 1; });
  house.decider.use({table_of("acl all protocol_state RCPT\naction new REJECT new\naccess all new\n"), house.decider.live().evaluator.table()});
  house.asker.answer(0, Outcome::yes);
  house.until([&] { return peer.received().size() > listed.size(); });
  CHECK(peer.received() == std::string{listed} + "action=REJECT new\n\n");
}
