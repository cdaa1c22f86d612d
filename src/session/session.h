// One Postfix client, from accept() to close.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/unique_fd.h"
#include "decide/request_handler.h"
#include "log/logger.h"
#include "loop/deadline.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "proto/parser.h"
#include "session/peer.h"

namespace policymux {

struct SessionLimits {
  RequestLimits request{};
  milliseconds idle_local{0};                               // without a request under way; 0: none
  milliseconds idle_remote{std::chrono::hours{1}};          // the same for peers that are not local
  milliseconds request_timeout{std::chrono::seconds{30}};   // from a request's first byte to its last
  milliseconds reply_timeout{std::chrono::seconds{30}};     // for the client to take a reply
};

// What the sessions of one server share; outlives them all.
struct SessionShared {
  SessionShared(Loop& l, RequestHandler& h, Logger& log, Metrics& m, const SessionLimits& lim)
      : loop{l}, handler{h}, logger{log}, metrics{m}, limits{lim}, parser{lim.request} {}

  Loop& loop;
  RequestHandler& handler;
  Logger& logger;
  Metrics& metrics;
  SessionLimits limits;      // may change; sessions look each time
  RequestParser parser;      // for input that begins with a request
  std::vector<char> buffer = std::vector<char>(64 * 1024);  // what one recv() may bring
  bool stopping = false;     // who has nothing left to answer goes
};

enum class CloseReason : std::uint8_t {
  end_of_stream,    // the client's doing, between requests
  cut_request,      // end of stream inside a request
  connection_lost,  // a reset or another error of the socket
  malformed,
  idle, request_timeout, reply_timeout,
  shutdown,
};
std::string_view to_string(CloseReason reason);

class Session;

// Where sessions are at home.
class SessionOwner {
 public:
  // `session` is closed: takes it to Loop::retire().
  virtual void left(Session& session, CloseReason reason) = 0;

 protected:
  ~SessionOwner() = default;
};

// Postfix ends a connection, we do not: closing first costs it a second. Requests are answered one after the
// other, in order; while one waits, further input stays in the kernel. What was complete before the end of the
// stream is answered, then we close.
//
//   idle ──piece──▶ receiving ──last piece──▶ (request) ──decided, reply sent at once──▶ idle
//     └──request──▶ (request) ──decided, socket full──▶ writing
//                             └──must wait──▶ deciding ──more input or its end──▶ deaf
//   writing, deciding, deaf ──answered──▶ idle, or queued where more requests are on hand
//   any ── malformed, deadline, i/o error; idle, receiving ── end of stream ──▶ closed
//
//   Owns     the fd and its watchers; input only while it holds an unfinished or unanswered request (at most one
//            request and one buffer); output only while the client is slow to take it (at most one reply).
//   Borrows  SessionShared and SessionOwner, which outlive it.
//   Errors   never throws.
//   Cost     an inline request on a kept connection: one recv, one send, no epoll_ctl, no allocation.
class Session final : public Ready, public Retiree, private Client {
 public:
  // REQUIRES: `fd` is a connected stream socket; whether it blocks does not matter.
  Session(SessionShared& shared, SessionOwner& owner, UniqueFd fd, Peer peer);

  // The server stops (SessionShared::stopping is set): what has arrived by now is answered, then the session goes.
  void finish();
  // Closes at once; a request that waits is cancelled. REQUIRES: not closed yet.
  void close(CloseReason reason, std::string_view detail = {});

  std::size_t place = 0;  // the owner's own: where it keeps this one

 private:
  enum class State : std::uint8_t {
    idle, receiving,
    queued,          // requests on hand; its turn will come
    deciding, deaf,  // a request waits for its answer; deaf: the socket has something that can wait
    writing, closed,
  };

  // Input that outlives the wake-up it came in. The parser has seen what it could of it.
  struct Rest {
    std::string bytes;
    RequestParser parser;
  };

  void serve() override;
  void answered(std::string_view reply) override;
  void on_io(int) { shared_.loop.ready().collect(*this); }
  void on_deadline();

  void enter(State next);
  void receive();
  void take_requests(std::string_view input, RequestParser& parser);
  State handle(Request& request);
  void keep(std::string_view input, RequestParser& parser);
  void peek();
  State send(std::string_view reply);
  void replied(State next);

  SessionShared& shared_;
  SessionOwner& owner_;
  State state_ = State::closed;
  bool local_;
  Conversation conversation_;
  std::unique_ptr<Suspended> suspended_;    // refers to the conversation
  std::unique_ptr<Rest> rest_;
  std::string unsent_{};
  std::size_t left_to_read_ = 0;            // once the server stops: of what had arrived by then
  UniqueFd fd_;                             // closed only after ...
  IoWatcher<Session, &Session::on_io> io_;  // ... its watcher has stopped
  Deadline<Session, &Session::on_deadline> deadline_;
};

}  // namespace policymux
