#include "session/server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "support/catch.h"
#include "support/temporary_directory.h"
#include "unit/session/house.h"

using namespace policymux;
using namespace policymux::test;
using namespace std::chrono_literals;

namespace {

struct Place : TemporaryDirectory {
  Endpoint socket(const std::string& name = "socket") const {
    return {.kind = Endpoint::Kind::local, .path = path() + '/' + name};
  }
};

bool exists(const std::string& path) {
  struct stat file{};
  return ::lstat(path.c_str(), &file) == 0;
}

// Opens a listener for `house` and returns its descriptor, for peers to connect to.
int listen(House& house, const Endpoint& endpoint) {
  auto sockets = listen_on(endpoint);
  REQUIRE(sockets);
  const int fd = sockets->front().fd();
  house.server.listen(std::move(sockets->front()));
  return fd;
}

const Endpoint loopback{.host = "127.0.0.1", .port = 0};

// Of the next connection to this listener: does what is sent leave at once, and by which congestion control?
std::pair<bool, std::string> options_inherited_from(int listener) {
  const auto peer = ScriptedPeer::connect_to(listener);
  const UniqueFd accepted{::accept(listener, nullptr, nullptr)};
  int no_delay = 0;
  char congestion[16] = "";
  socklen_t size = sizeof no_delay, length = sizeof congestion;
  REQUIRE(::getsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size) == 0);
  REQUIRE(::getsockopt(accepted.get(), IPPROTO_TCP, TCP_CONGESTION, congestion, &length) == 0);
  return {no_delay != 0, congestion};
}

}  // namespace

TEST_CASE("TCP connections are suited to short messages, also where somebody else has made the listener") {
  const std::pair<bool, std::string> suited{true, "reno"};
  for (const auto* const host : {"127.0.0.1", "::1"}) {
    CAPTURE(host);
    const auto sockets = listen_on({.host = host, .port = 0});
    if (!sockets && std::string_view{host} == "::1") continue;  // a machine without IPv6
    REQUIRE(sockets);
    CHECK(options_inherited_from(sockets->front().fd()) == suited);
  }
  UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  REQUIRE(::listen(fd.get(), 1) == 0);  // on a port of the kernel's choice
  const int listener = fd.get();
  House house;
  auto adopted = adopt_listener(std::move(fd));
  REQUIRE(adopted);
  house.server.listen(*std::move(adopted));
  CHECK(options_inherited_from(listener) == suited);
}

TEST_CASE("requests are served over IPv4, IPv6 and unix-domain sockets") {
  const Place directory;
  House house;
  std::vector<Endpoint> endpoints{loopback, directory.socket()};
  if (exists("/proc/net/if_inet6")) endpoints.push_back({.host = "::1", .port = 0});
  for (const auto& endpoint : endpoints) {
    CAPTURE(to_string(endpoint));
    const int fd = listen(house, endpoint);
    auto first = ScriptedPeer::connect_to(fd);
    auto second = ScriptedPeer::connect_to(fd);
    second.send(request_from("b"));
    first.send(request_from("a"));
    house.until_received(first, info("a"));
    house.until_received(second, info("b"));
  }
  CHECK(house.handler.peers[0].starts_with("inet:127.0.0.1:"));
  CHECK(house.handler.peers[2] == to_string(directory.socket()));
  if (endpoints.size() == 3) CHECK(house.handler.peers[4].starts_with("inet:[::1]:"));
}

TEST_CASE("inet:port listens on every address") {
  auto sockets = listen_on({.port = 0});
  REQUIRE(sockets);
  CHECK(sockets->size() >= 1);
  auto peer = ScriptedPeer::connect_to(sockets->front().fd());  // any address reaches the local host
  CHECK_FALSE(peer.closed());
}

TEST_CASE("what cannot be listened on is told with its reason") {
  const Place directory;
  const auto taken = listen_on(loopback);
  REQUIRE(taken);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  REQUIRE(::getsockname(taken->front().fd(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  const Endpoint same{.host = "127.0.0.1", .port = ntohs(address.sin_port)};
  const Endpoint missing = directory.socket("no/such/directory");
  struct Case { Endpoint endpoint; std::string_view why; };
  for (const auto& [endpoint, why] : {Case{same, "Address already in use"}, Case{missing, "No such file or directory"},
                                      Case{{.host = "192.0.2.1", .port = 0}, "Cannot assign requested address"}}) {
    const auto sockets = listen_on(endpoint);
    REQUIRE_FALSE(sockets);
    CHECK(sockets.error() == "cannot listen on " + to_string(endpoint) + ": " + std::string{why});
  }
}

TEST_CASE("a unix-domain socket gets its mode, owner and group, and its file goes with it") {
  const Place directory;
  const auto endpoint = directory.socket();
  {
    auto sockets = listen_on(endpoint, {.mode = 0640, .owner = ::getuid(), .group = ::getgid()});
    REQUIRE(sockets);
    struct stat file{};
    REQUIRE(::lstat(endpoint.path.c_str(), &file) == 0);
    CHECK((file.st_mode & 07777) == 0640);
    CHECK(file.st_uid == ::getuid());
  }
  CHECK_FALSE(exists(endpoint.path));
}

TEST_CASE("a stale socket of a dead process is replaced, a living one's is not") {
  const Place directory;
  const auto endpoint = directory.socket();
  auto living = listen_on(endpoint);
  REQUIRE(living);
  CHECK_FALSE(listen_on(endpoint));
  CHECK(exists(endpoint.path));

  living->front().keep_file();
  living->clear();  // as if its process had died
  REQUIRE(exists(endpoint.path));
  auto next = listen_on(endpoint);
  REQUIRE(next);
  auto peer = ScriptedPeer::connect_to(next->front().fd());
  CHECK_FALSE(peer.closed());
}

TEST_CASE("a file that is no socket is never replaced") {
  const Place directory;
  const auto endpoint = directory.socket();
  const UniqueFd file{::open(endpoint.path.c_str(), O_CREAT | O_WRONLY, 0600)};
  REQUIRE(file);
  CHECK_FALSE(listen_on(endpoint));
  CHECK(exists(endpoint.path));
}

TEST_CASE("a listening socket that somebody else has made is adopted, and its file stays his") {
  const Place directory;
  {
    auto made = listen_on(directory.socket());
    REQUIRE(made);
    ::fcntl(made->front().fd(), F_SETFL, 0);
    {
      const auto adopted = adopt_listener(UniqueFd{::dup(made->front().fd())});
      REQUIRE(adopted);
      CHECK(adopted->name() == to_string(directory.socket()));
      CHECK((::fcntl(adopted->fd(), F_GETFL) & O_NONBLOCK) != 0);
      CHECK(::fcntl(adopted->fd(), F_GETFD) == FD_CLOEXEC);
    }
    CHECK(exists(directory.socket().path));
  }
  auto inet = listen_on(loopback);
  REQUIRE(inet);
  const auto adopted = adopt_listener(UniqueFd{::dup(inet->front().fd())});
  REQUIRE(adopted);
  CHECK(adopted->name().starts_with("inet:127.0.0.1:"));

  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    CAPTURE(type);
    const auto refused = adopt_listener(UniqueFd{::socket(AF_INET, type, 0)});
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == "not a stream socket that listens");
  }
  CHECK(adopt_listener(UniqueFd{::open("/dev/null", O_RDONLY)}).error() == "Socket operation on non-socket");
  CHECK(adopt_listener(UniqueFd{100'000}).error() == "Bad file descriptor");
}

TEST_CASE("a socket file that somebody else put in the place of ours stays") {
  const Place directory;
  const auto endpoint = directory.socket();
  auto ours = listen_on(endpoint);
  REQUIRE(ours);
  std::filesystem::rename(endpoint.path, endpoint.path + ".old");  // keeps the inode busy
  auto theirs = listen_on(endpoint);
  REQUIRE(theirs);
  ours->clear();
  CHECK(exists(endpoint.path));
}

TEST_CASE("allow: peers outside of it are closed, counted, and logged once") {
  bool open = false;
  House house{{.allow = [&](const sockaddr*) { return open; }}};
  const int fd = listen(house, loopback);
  for (int i = 0; i < 3; ++i) {
    auto peer = ScriptedPeer::connect_to(fd);
    house.until([&] { return peer.closed(); });
    CHECK(peer.received().empty());
  }
  CHECK(house.metrics[Counter::connections_refused] == 3);
  CHECK(std::ranges::count(house.log.lines(), "connection refused: 127.0.0.1 is not in main.allow") == 1);
  open = true;
  auto peer = ScriptedPeer::connect_to(fd);
  peer.send(request_from("a"));
  house.until_received(peer, info("a"));
}

TEST_CASE("max_connections: others wait until one ends, and that is said once") {
  House house{{.max_connections = 2}};
  const int fd = listen(house, loopback);
  auto first = ScriptedPeer::connect_to(fd), second = ScriptedPeer::connect_to(fd);
  house.until([&] { return house.server.connections() == 2; });
  run_passes(house.loop, 5);
  CHECK_FALSE(house.log.has("must wait"));
  auto third = ScriptedPeer::connect_to(fd), fourth = ScriptedPeer::connect_to(fd);
  third.send(request_from("c"));
  fourth.send(request_from("d"));
  house.until([&] { return house.log.has("must wait"); });
  run_passes(house.loop, 5);
  CHECK(house.handler.seen.empty());
  first.close();
  house.until_received(third, info("c"));
  third.close();
  house.until_received(fourth, info("d"));
  CHECK(house.metrics[Counter::accept_pauses] == 1);
}

TEST_CASE("Out of descriptors: stop accepting, keep serving, start again when some are free") {
  House house;
  const int fd = listen(house, loopback);
  auto first = ScriptedPeer::connect_to(fd);
  house.until([&] { return house.server.connections() == 1; });
  auto second = ScriptedPeer::connect_to(fd);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  {
    const UniqueFd next{::dup(fd)};  // the lowest that is free: from here on there is none
    const rlimit none{.rlim_cur = static_cast<rlim_t>(next.get()), .rlim_max = before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  second.send(request_from("b"));
  house.until([&] { return house.log.has("must wait"); });
  first.send(request_from("a"));
  house.until_received(first, info("a"));
  run_passes(house.loop, 5);
  CHECK(second.received().empty());
  first.close();
  house.until_received(second, info("b"));
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(house.metrics[Counter::accept_pauses] == 1);
}

TEST_CASE("a stopping server answers what was received, closes the idle at once, and says when it is done") {
  const Place directory;
  House house;
  const int fd = listen(house, directory.socket());
  auto idle = ScriptedPeer::connect_to(fd), waiting = ScriptedPeer::connect_to(fd), cut = ScriptedPeer::connect_to(fd);
  waiting.send(request_from("wait") + request_from("after"));
  cut.send("sender=c");
  house.until([&] { return house.handler.waits("wait") && house.server.connections() == 3; });
  run_passes(house.loop, 5);

  auto unread = ScriptedPeer::connect_to(fd);  // neither accepted nor read yet
  unread.send(request_from("unread"));
  bool drained = false;
  house.server.stop(1h, [&] { drained = true; });
  CHECK_FALSE(exists(directory.socket().path));
  house.until([&] { return idle.closed() && unread.closed(); });
  CHECK(idle.received().empty());
  CHECK(unread.received() == info("unread"));
  CHECK_FALSE(drained);
  house.until([&] { return cut.closed(); });  // half a request was not received
  CHECK(cut.received().empty());
  house.handler.answer("wait", "DUNNO");
  house.until([&] { return waiting.closed(); });
  CHECK(waiting.received() == "action=DUNNO\n\n" + info("after"));
  house.until([&] { return drained; });
  CHECK(house.server.connections() == 0);
}

TEST_CASE("a stopping server takes what had arrived by then, and no more") {
  House house;
  auto peer = house.connect();
  std::string piece;
  for (int i = 0; i < 20; ++i) piece += request_from("before");
  std::size_t pieces = 0;
  while (pieces * piece.size() < 70 * 1024 && peer.try_send(piece)) ++pieces;  // more than one recv() brings
  REQUIRE(pieces * piece.size() > 64 * 1024);
  bool drained = false;
  house.server.stop(1h, [&] { drained = true; });
  house.until([&] {
    peer.received();
    peer.try_send(request_from("after"));  // without end
    return drained;
  });
  CHECK(house.handler.seen == std::vector<std::string>(20 * pieces, "before"));
}

TEST_CASE("a stopping server does not wait for ever") {
  House house;
  auto waiting = house.connect();
  waiting.send(request_from("wait"));
  house.until([&] { return house.handler.waits("wait"); });
  bool drained = false;
  house.server.stop(1ms, [&] { drained = true; });
  house.until([&] { return drained && waiting.closed(); });
  CHECK_FALSE(house.handler.waits("wait"));
}

TEST_CASE("a server without connections is drained at once, but not from inside stop()") {
  House house;
  int drained = 0;
  house.server.stop(1h, [&] { ++drained; });
  CHECK(drained == 0);
  house.until([&] { return drained > 0; });
  run_passes(house.loop, 5);
  CHECK(drained == 1);
}

TEST_CASE("settings that change apply to connections that are open") {
  House house;
  auto peer = house.connect();
  peer.send(request_from("a"));
  house.until_received(peer, info("a"));
  house.server.set({.session = {.request = {.max_attributes = 1}}});
  peer.send(request_from("b"));
  house.until([&] { return peer.closed(); });
  CHECK(house.log.has("too many attributes"));
}
