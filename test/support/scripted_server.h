// A policy server, played by a test: it listens on a port of its own and does with each request what the script says.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/endpoint.h"
#include "base/unique_fd.h"
#include "support/catch.h"
#include "support/scripted_peer.h"

namespace policymux::test {

enum class End : std::uint8_t { stay, close, reset };

// What is done with one request.
struct Act {
  std::string answer{};
  std::size_t at_a_time = std::string::npos;  // bytes
  End end = End::stay;                        // once the answer is sent
};

class ScriptedServer {
 public:
  ScriptedServer() { listen(); }

  Endpoint endpoint() const { return {.host = "127.0.0.1", .port = port_}; }

  // Nobody is there any more: connections are closed, new ones refused; and back again, on the same port.
  void stop() {
    socket_ = UniqueFd{};
    guests_.clear();
  }
  void listen() {
    socket_ = UniqueFd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int on = 1;
    REQUIRE(::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(socket_.get(), 128) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }

  // What can be done without waiting: accept, read, answer.
  void step() {
    accept();
    for (const auto& guest : guests_) serve(*guest);
    std::erase_if(guests_, [](const auto& guest) { return guest->gone; });
  }
  // Says something on every connection.
  void say(std::string_view text) {
    for (const auto& guest : guests_) guest->peer.try_send(text);
  }
  void hang_up() { guests_.clear(); }

  std::size_t connections() const { return guests_.size(); }

  Act act{"action=OK\n\n"};             // with each request from now on
  std::vector<std::string> requests{};  // all of them, and over which connection each came
  std::vector<int> came_over{};
  int accepted = 0;

 private:
  struct Guest {
    explicit Guest(UniqueFd fd, int n) : peer{std::move(fd)}, number{n} {}
    ScriptedPeer peer;
    int number;
    std::size_t taken = 0;  // of what was received
    bool busy = false, gone = false;
    Act act{};
  };

  void accept() {
    if (!socket_) return;
    while (true) {
      UniqueFd fd{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
      if (!fd) return;
      guests_.push_back(std::make_unique<Guest>(std::move(fd), accepted++));
    }
  }

  void serve(Guest& guest) {
    const auto& received = guest.peer.received();
    const auto end = received.find("\n\n", guest.taken);
    if (!guest.busy && end != received.npos) {
      requests.push_back(received.substr(guest.taken, end + 2 - guest.taken));
      came_over.push_back(guest.number);
      guest.taken = end + 2;
      guest.busy = true;
      guest.act = act;
    }
    if (guest.busy) answer(guest);
    if (guest.peer.closed()) guest.gone = true;
  }

  static void answer(Guest& guest) {
    auto& rest = guest.act.answer;
    const auto piece = std::min({rest.size(), guest.act.at_a_time, std::size_t{64 * 1024}});
    if (piece > 0) {
      const auto sent = ::send(guest.peer.fd(), rest.data(), piece, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) rest.erase(0, static_cast<std::size_t>(sent));
    }
    if (!rest.empty()) return;
    if (guest.act.end == End::reset) guest.peer.reset();
    guest.gone = guest.act.end != End::stay;
    guest.busy = false;
  }

  UniqueFd socket_{};
  std::uint16_t port_ = 0;  // 0: any
  std::vector<std::unique_ptr<Guest>> guests_{};
};

}  // namespace policymux::test
