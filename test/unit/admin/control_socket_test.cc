#include "admin/control_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "support/catch.h"
#include "support/loop_runner.h"
#include "support/scripted_peer.h"

using namespace policymux;
using namespace policymux::test;

namespace {

// A listener without a file: an address that the kernel chooses.
UniqueFd listener() {
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address.sun_family) == 0);
  REQUIRE(::listen(fd.get(), 100) == 0);
  return fd;
}

struct House {
  House() { control.offer("services", [this] { return text; }); }
  std::string reply(ScriptedPeer& peer) {
    run_until(loop, [&] { return peer.closed(); });
    return peer.received();
  }

  Loop loop;
  UniqueFd fd = listener();
  std::string text = "all is well\n";
  ControlSocket control{loop, fd.get()};
};

}  // namespace

TEST_CASE("a line is answered with a text, and the connection closed") {
  House house;
  for (const std::string_view line : {"services\n", "services\r\n", "services\nservices\n"}) {
    CAPTURE(line);
    auto peer = ScriptedPeer::connect_to(house.fd.get());
    peer.send(line);
    CHECK(house.reply(peer) == "ok\nall is well\n");
  }
}

TEST_CASE("a line may arrive in pieces") {
  House house;
  auto peer = ScriptedPeer::connect_to(house.fd.get());
  for (const char c : std::string{"services\n"}) {
    peer.send({&c, 1});
    run_passes(house.loop, 2);
  }
  CHECK(house.reply(peer) == "ok\nall is well\n");
}

TEST_CASE("what is no command is said to be none") {
  House house;
  for (const auto& line : {std::string{"nonsense\n"}, std::string{"\n"}, std::string(ControlSocket::line_limit, 'x')}) {
    CAPTURE(line);
    auto peer = ScriptedPeer::connect_to(house.fd.get());
    peer.send(line);
    CHECK(house.reply(peer).starts_with("error: no such command"));
  }
}

TEST_CASE("who hangs up without a question is left") {
  House house;
  auto peer = ScriptedPeer::connect_to(house.fd.get());
  peer.half_close();
  CHECK(house.reply(peer).empty());
}

TEST_CASE("an answer that does not fit into the socket is sent to its end") {
  House house;
  house.text.assign(4'000'000, 'x');
  auto peer = ScriptedPeer::connect_to(house.fd.get());
  peer.send("services\n");
  CHECK(house.reply(peer).size() == 4'000'003);
}

TEST_CASE("more visitors than are served at a time wait for their turn") {
  House house;
  std::vector<ScriptedPeer> idle;
  for (std::size_t i = 0; i < ControlSocket::most_visitors; ++i) {
    idle.push_back(ScriptedPeer::connect_to(house.fd.get()));
  }
  run_passes(house.loop, 20);
  auto late = ScriptedPeer::connect_to(house.fd.get());
  late.send("services\n");
  run_passes(house.loop, 20);
  CHECK(late.received().empty());
  idle.pop_back();
  CHECK(house.reply(late) == "ok\nall is well\n");
}
