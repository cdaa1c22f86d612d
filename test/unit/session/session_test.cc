#include "session/session.h"

#include <algorithm>

#include "support/catch.h"
#include "unit/session/house.h"

using namespace policymux;
using namespace policymux::test;
using namespace std::chrono_literals;

TEST_CASE("a request may arrive cut anywhere") {
  House house;
  auto peer = house.connect();
  const auto request = request_from("a@b");
  std::string want;
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    CAPTURE(cut);
    peer.send(request.substr(0, cut));
    run_passes(house.loop, 2);
    peer.send(request.substr(cut));
    want += info("a@b");
    house.until_received(peer, want);
  }
  for (const char c : request) {
    peer.send({&c, 1});
    run_passes(house.loop, 2);
  }
  house.until_received(peer, want + info("a@b"));
}

TEST_CASE("No byte may be sent unasked, and Postfix closes, not we") {
  House house;
  auto peer = house.connect();
  peer.send(request_from("a"));
  house.until_received(peer, info("a"));
  run_passes(house.loop, 10);
  CHECK(peer.received() == info("a"));
  CHECK_FALSE(peer.closed());
  peer.close();
  house.until([&] { return house.server.connections() == 0; });
  CHECK(house.metrics[Counter::closed_end_of_stream] == 1);
}

TEST_CASE("Clients with pipelined requests are served in order") {
  House house;
  auto peer = house.connect();
  std::string all, want;
  for (int i = 0; i < 200; ++i) {  // more than one turn, and the last cut
    all += request_from(std::to_string(i));
    want += info(std::to_string(i));
  }
  peer.send(all + "sender=la");
  house.until_received(peer, want);
  peer.send("st\n\n");
  house.until_received(peer, want + info("last"));
}

TEST_CASE("one client with many requests does not keep others waiting") {
  House house;
  auto greedy = house.connect();
  auto modest = house.connect();
  run_passes(house.loop, 2);
  std::string all;
  for (int i = 0; i < 200; ++i) all += request_from("greedy");
  greedy.send(all);
  modest.send(request_from("modest"));
  house.until([&] { return house.handler.seen.size() == 201; });
  const auto turn = std::ranges::find(house.handler.seen, "modest") - house.handler.seen.begin();
  CHECK(turn < 100);
}

TEST_CASE("while a request waits further input stays, and later ones are answered after it") {
  House house;
  auto peer = house.connect();
  peer.send(request_from("wait1") + request_from("a") + request_from("wait2"));
  house.until([&] { return house.handler.waits("wait1"); });
  peer.send(request_from("b"));
  run_passes(house.loop, 10);
  CHECK(house.handler.seen == std::vector<std::string>{"wait1"});
  CHECK(peer.received().empty());
  house.handler.answer("wait1", "DUNNO");
  house.until([&] { return house.handler.waits("wait2"); });
  house.handler.answer("wait2", "REJECT");
  house.until_received(peer, "action=DUNNO\n\n" + info("a") + "action=REJECT\n\n" + info("b"));
  CHECK_FALSE(peer.closed());
}

TEST_CASE("After a half close complete requests are answered, then we close") {
  SECTION("inline ones") {
    House house;
    auto peer = house.connect();
    peer.send(request_from("a") + request_from("b"));
    peer.half_close();
    house.until([&] { return peer.closed(); });
    CHECK(peer.received() == info("a") + info("b"));
  }
  SECTION("one that waits: end of stream from the client does not cancel") {
    House house;
    auto peer = house.connect();
    peer.send(request_from("wait") + request_from("a"));
    peer.half_close();
    house.until([&] { return house.handler.waits("wait"); });
    run_passes(house.loop, 10);
    REQUIRE(house.handler.waits("wait"));
    house.handler.answer("wait", "DUNNO");
    house.until([&] { return peer.closed(); });
    CHECK(peer.received() == "action=DUNNO\n\n" + info("a"));
  }
  SECTION("a part of one is dropped, with a line in the log") {
    House house;
    auto peer = house.connect();
    peer.send(request_from("a") + "sender=b\n");
    peer.half_close();
    house.until([&] { return peer.closed(); });
    CHECK(peer.received() == info("a"));
    CHECK(house.log.has("unix:/test: connection closed: end of stream inside a request"));
    CHECK(house.metrics[Counter::closed_cut_request] == 1);
  }
}

TEST_CASE("Only a reset or a socket error cancels a request that waits") {
  House house;
  auto peer = house.connect_inet();
  peer.send(request_from("wait"));
  house.until([&] { return house.handler.waits("wait"); });
  peer.reset();
  house.until([&] { return house.server.connections() == 0; });
  CHECK_FALSE(house.handler.waits("wait"));
  CHECK(house.metrics[Counter::closed_connection_lost] == 1);
}

TEST_CASE("an answer for a client that has gone is no trouble") {
  House house;
  auto peer = house.connect();
  peer.send(request_from("wait"));
  house.until([&] { return house.handler.waits("wait"); });
  peer.close();
  run_passes(house.loop, 10);
  REQUIRE(house.handler.waits("wait"));
  house.handler.answer("wait", "DUNNO");
  CHECK(house.server.connections() == 0);
  CHECK_FALSE(house.handler.waits("wait"));
}

TEST_CASE("A malformed request: log, count, disconnect; never a made-up answer") {
  struct Case { std::string bytes; std::string_view reason; Counter counter; };
  const Case cases[] = {
      {"\n", "empty line", Counter::malformed_empty_request},
      {"GET / HTTP/1.0\n", "line without '='", Counter::malformed_no_equals_sign},
      {std::string("sender=a\0\n\n", 11), "NUL byte", Counter::malformed_nul_byte},
      {"=x\n\n", "attribute without a name", Counter::malformed_empty_name},
      {std::string(70'000, 'x'), "request too long", Counter::malformed_too_long},
  };
  for (const auto& [bytes, reason, counter] : cases) {
    CAPTURE(reason);
    House house;
    auto peer = house.connect();
    peer.send(request_from("a") + bytes);
    house.until([&] { return peer.closed(); });
    CHECK(peer.received() == info("a"));
    CHECK(house.log.has("unix:/test: connection closed: malformed request: " + std::string{reason}));
    CHECK(house.metrics[Counter::closed_malformed] == 1);
    CHECK(house.metrics[counter] == 1);
    CHECK(house.server.connections() == 0);
  }
}

TEST_CASE("a slow reader gets everything in the end, and only one reply waits for it") {
  House house;
  house.handler.padding.assign(1'000'000, 'x');
  auto peer = house.connect();
  peer.send(request_from("a") + request_from("b") + request_from("c"));
  house.until([&] { return house.handler.seen.size() == 1; });
  run_passes(house.loop, 10);
  CHECK(house.handler.seen.size() == 1);
  house.until([&] { return peer.received().ends_with("\n\n") && house.handler.seen.size() == 3; });
  house.until([&] { return peer.received().size() > 3'000'000; });
  const auto& padding = house.handler.padding;
  CHECK(peer.received() == info("a" + padding) + info("b" + padding) + info("c" + padding));
  CHECK_FALSE(peer.closed());
}

TEST_CASE("a client that never takes its reply is left") {
  House house{{.session = {.reply_timeout = 5ms}}};
  house.handler.padding.assign(1'000'000, 'x');
  auto peer = house.connect();
  peer.send(request_from("a"));
  house.until([&] { return house.server.connections() == 0; });
  CHECK(house.metrics[Counter::closed_reply_timeout] == 1);
}

TEST_CASE("a request that began and does not finish: the deadline covers the whole request, not each byte") {
  House house{{.session = {.request_timeout = 30ms}}};
  auto peer = house.connect();
  peer.send(request_from("a") + "sender=");
  house.until([&] { return !peer.try_send("x") || peer.closed(); });
  CHECK(peer.received() == info("a"));
  CHECK(house.log.has("request not finished in time"));
  CHECK(house.metrics[Counter::closed_request_timeout] == 1);
}

TEST_CASE("idle_timeout: none for unix and loopback, another for the rest") {
  House house{{.session = {.idle_remote = 20ms}}};
  auto local = house.connect();
  auto remote = house.connect({.name = "inet:192.0.2.1:4000", .local = false});
  remote.send(request_from("a"));
  house.until([&] { return remote.closed(); });
  CHECK(remote.received() == info("a"));
  CHECK(house.log.has("inet:192.0.2.1:4000: connection closed: idle for too long"));
  auto second = house.connect({.name = "inet:192.0.2.1:4001", .local = false});
  house.until([&] { return second.closed(); });
  CHECK_FALSE(local.closed());
}

TEST_CASE("a request that waits has no deadline of the session's") {
  House house{{.session = {.idle_local = 2ms, .request_timeout = 2ms, .reply_timeout = 2ms}}};
  auto peer = house.connect();
  auto idle = house.connect();
  peer.send(request_from("wait"));
  house.until([&] { return house.handler.waits("wait"); });
  auto later = house.connect();
  house.until([&] { return idle.closed() && later.closed(); });
  REQUIRE(house.handler.waits("wait"));
  house.handler.answer("wait", "DUNNO");
  CHECK(peer.received() == "action=DUNNO\n\n");
}
