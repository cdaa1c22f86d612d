// A server with all that it needs, for the tests of this room.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "session/server.h"
#include "support/captured_log.h"
#include "support/loop_runner.h"
#include "support/scripted_handler.h"
#include "support/scripted_peer.h"

namespace policymux::test {

struct House {
  explicit House(ServerSettings settings = {}) : server{loop, handler, log.logger, metrics, std::move(settings)} {}

  ScriptedPeer connect(Peer peer = {.name = "unix:/test", .local = true}) {
    auto [ours, theirs] = ScriptedPeer::pair();
    server.adopt(std::move(theirs), std::move(peer));
    return std::move(ours);
  }
  // A peer on a TCP connection, which can be reset.
  ScriptedPeer connect_inet() {
    auto sockets = listen_on({.host = "127.0.0.1", .port = 0});
    REQUIRE(sockets);
    const int fd = sockets->front().fd();
    server.listen(std::move(sockets->front()));
    auto peer = ScriptedPeer::connect_to(fd);
    const auto before = server.connections();
    until([&] { return server.connections() == before + 1; });
    return peer;
  }
  void until(const std::function<bool()>& done) { run_until(loop, done); }
  void until_received(ScriptedPeer& peer, std::string_view text) {
    until([&] { return peer.received().size() >= text.size(); });
    CHECK(peer.received() == text);
  }

  Loop loop;
  CapturedLog log;
  Metrics metrics;
  ScriptedHandler handler;
  Server server;
};

inline std::string info(std::string_view sender) { return "action=INFO " + std::string{sender} + "\n\n"; }

}  // namespace policymux::test
