#include "session/single_client.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <csignal>
#include <cstdlib>
#include <optional>

#include "support/captured_log.h"
#include "support/catch.h"
#include "support/loop_runner.h"
#include "support/scripted_handler.h"
#include "support/scripted_peer.h"
#include "unit/session/house.h"

using namespace policymux;
using namespace policymux::test;
using namespace std::chrono_literals;

namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    out = UniqueFd{ends[0]};
    in = UniqueFd{ends[1]};
  }
  UniqueFd in, out;  // what is written to `in` comes `out`
};

std::string read_now(int fd) {
  std::string text(256 * 1024, '\0');
  const auto got = ::read(fd, text.data(), text.size());
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

// A client and all that it needs.
struct Room {
  Room() { ::signal(SIGPIPE, SIG_IGN); }
  void serve(UniqueFd in, UniqueFd out, const SessionLimits& limits = {}) {
    client.emplace(loop, handler, log.logger, metrics, limits, std::move(in), std::move(out),
                   [this](CloseReason why) { reason = why; });
  }
  CloseReason until_gone() {
    run_until(loop, [this] { return reason.has_value(); });
    return *reason;
  }

  Loop loop;
  CapturedLog log;
  Metrics metrics;
  ScriptedHandler handler;
  std::optional<SingleClient> client;
  std::optional<CloseReason> reason;
};

UniqueFd duplicate(const UniqueFd& fd) { return UniqueFd{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)}; }

}  // namespace

TEST_CASE("under spawn(8) input and output are one socket, and its flags stay as they are") {
  Room room;
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  ScriptedPeer peer{UniqueFd{ends[0]}};
  const UniqueFd shared{ends[1]};
  room.serve(duplicate(shared), duplicate(shared));
  peer.send(request_from("a"));
  run_until(room.loop, [&] { return peer.received() == info("a"); });
  CHECK((::fcntl(shared.get(), F_GETFL) & O_NONBLOCK) == 0);
  peer.close();
  CHECK(room.until_gone() == CloseReason::end_of_stream);
}

TEST_CASE("end of stream: what is complete is answered, whatever the descriptors are") {
  Room room;
  SECTION("pipes") {
    Pipe in, out;
    const auto text = request_from("a") + request_from("wait") + "sender=cut";
    REQUIRE(::write(in.in.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    in.in = UniqueFd{};
    room.serve(std::move(in.out), std::move(out.in));
    run_until(room.loop, [&] { return room.handler.waits("wait"); });
    CHECK_FALSE(room.reason);
    room.handler.answer("wait", "OK");
    CHECK(room.until_gone() == CloseReason::cut_request);
    CHECK(read_now(out.out.get()) == info("a") + "action=OK\n\n");
  }
  SECTION("regular files, which epoll does not know") {
    char in[] = "/tmp/policymux-test-XXXXXX", out[] = "/tmp/policymux-test-XXXXXX";
    UniqueFd from{::mkstemp(in)}, to{::mkstemp(out)};
    const auto text = request_from("a") + request_from("b");
    REQUIRE(::pwrite(from.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    const auto look = duplicate(to);
    room.serve(std::move(from), std::move(to));
    CHECK(room.until_gone() == CloseReason::end_of_stream);
    REQUIRE(::lseek(look.get(), 0, SEEK_SET) == 0);
    CHECK(read_now(look.get()) == info("a") + info("b"));
    ::unlink(in);
    ::unlink(out);
  }
  SECTION("nothing at all") {
    room.serve(UniqueFd{::open("/dev/null", O_RDWR | O_CLOEXEC)}, UniqueFd{::open("/dev/null", O_RDWR | O_CLOEXEC)});
    CHECK(room.until_gone() == CloseReason::end_of_stream);
    CHECK(room.handler.seen.empty());
  }
}

TEST_CASE("a reply that is larger than a pipe waits for its reader, and is whole") {
  Room room;
  room.handler.padding.assign(300'000, 'x');
  Pipe in, out;
  room.serve(std::move(in.out), std::move(out.in));
  const auto text = request_from("a");
  REQUIRE(::write(in.in.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  in.in = UniqueFd{};
  ::fcntl(out.out.get(), F_SETFL, O_NONBLOCK);
  std::string got;
  run_until(room.loop, [&] {
    got += read_now(out.out.get());
    return room.reason.has_value();
  });
  got += read_now(out.out.get());
  CHECK(got.size() == info("a").size() + 300'000);
}

TEST_CASE("nobody reads the replies any more: the client is left") {
  Room room;
  Pipe in, out;
  room.serve(std::move(in.out), std::move(out.in));
  out.out = UniqueFd{};
  const auto text = request_from("a");
  REQUIRE(::write(in.in.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  CHECK(room.until_gone() == CloseReason::connection_lost);
}

TEST_CASE("a malformed request ends it without an answer") {
  Room room;
  Pipe in, out;
  room.serve(std::move(in.out), std::move(out.in));
  REQUIRE(::write(in.in.get(), "junk\n\n", 6) == 6);
  CHECK(room.until_gone() == CloseReason::malformed);
  room.client.reset();
  CHECK(read_now(out.out.get()).empty());
}

TEST_CASE("told to stop: a request that waits is answered first, or given up after the limit") {
  Room room;
  Pipe in, out;
  room.serve(std::move(in.out), std::move(out.in));
  const auto text = request_from("wait");
  REQUIRE(::write(in.in.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  run_until(room.loop, [&] { return room.handler.waits("wait"); });
  SECTION("answered") {
    room.client->stop(1h);
    run_passes(room.loop, 5);
    CHECK_FALSE(room.reason);
    room.handler.answer("wait", "OK");
    CHECK(room.until_gone() == CloseReason::shutdown);
    CHECK(read_now(out.out.get()) == "action=OK\n\n");
  }
  SECTION("given up") {
    room.client->stop(1ms);
    CHECK(room.until_gone() == CloseReason::shutdown);
  }
}

TEST_CASE("told to stop: what has arrived by now is answered, also what nobody has read yet") {
  Room room;
  Pipe in, out;
  room.serve(std::move(in.out), std::move(out.in));
  run_passes(room.loop, 2);
  std::string all, want;
  for (int i = 0; i < 200; ++i) {
    all += request_from(std::to_string(i));
    want += info(std::to_string(i));
  }
  REQUIRE(::write(in.in.get(), all.data(), all.size()) == static_cast<ssize_t>(all.size()));
  room.client->stop(1h);
  CHECK(room.until_gone() == CloseReason::shutdown);
  CHECK(read_now(out.out.get()) == want);
}
