// One connection, from connect() to close; or to a worker, over a socket that was connected from the start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "base/unique_fd.h"
#include "loop/deadline.h"
#include "loop/loop.h"
#include "upstream/affinity.h"
#include "upstream/exchange.h"
#include "upstream/reply_reader.h"
#include "upstream/resolve.h"

namespace policymux {

class Attempt;
class Connection;

struct Loss {
  Failure failure{};
  std::string detail{};  // in the system's or the checker's words; may be empty
};

// Who keeps connections. Every call may hand the connection to Loop::retire().
class ConnectionOwner {
 public:
  virtual void connected(Connection& connection) = 0;
  // It is idle now; or closed, where more came than the answer.
  virtual void answered(Connection& connection, const CheckedAction& action) = 0;
  // It is closed: it was not idle.
  virtual void lost(Connection& connection, const Loss& loss) = 0;
  // It is closed: it was idle. The server ended it or broke its silence, or its time was over.
  virtual void left(Connection& connection) = 0;

 protected:
  ~ConnectionOwner() = default;
};

// How long a connection may live.
struct ConnectionLimits {
  milliseconds max_idle{};  // 0: for ever, like the next one
  milliseconds max_ttl{};
};

//   connecting ──▶ idle ──start()──▶ asking ──answer──▶ idle
//   any ── end of stream, error, deadline, bytes that nobody asked for ──▶ closed
//
// Connecting without a wire: a unix listener's queue is full (connect(2) says EAGAIN, and no event tells when there is
// room), and it is tried again some milliseconds later, for as long as this address has.
// One request in flight at most.
//   Owns     the fd and its watcher; what the socket did not take of a request; what has come of an answer.
//   Borrows  Exchange and its owner, which outlive it.
//   Cost     a request and its answer: one send, one recv, no epoll_ctl.
class Connection final : public Ready, public Retiree {
 public:
  enum class State : std::uint8_t { connecting, idle, asking, closed };

  Connection(Exchange& exchange, ConnectionOwner& owner, const ConnectionLimits& limits);

  // Tries the addresses in turn, beginning with the first-th, until `until`. Nothing: it is idle already or connecting.
  // The addresses must live as long as it connects. A queue that is full to the end is a time-out.
  std::optional<Loss> connect(std::span<const SocketAddress> addresses, std::size_t first, SteadyTime until);

  // Takes over a socket that is connected: it is idle.
  void adopt(UniqueFd socket);

  // Sends a request; the owner is told how it ended. What the socket does not take at once is copied.
  // REQUIRES: idle.
  void start(std::string_view request, SteadyTime until);

  // At once, without a word to anybody.
  void close() { enter(State::closed); }

  // Looks at what has come in meanwhile, if the loop knows of something. Is it still idle?
  bool still_idle();

  State state() const { return state_; }
  ConnectionId id() const { return id_; }
  std::size_t address() const { return address_; }         // index of the one that it is connected to
  std::uint64_t answers() const { return answers_; }       // so far
  // Has it lived as long as it may?
  bool is_old() const { return limits_.max_ttl.count() > 0 && exchange_.loop.now() >= born_ + limits_.max_ttl; }
  bool heard() const { return reader_.begun(); }           // something of the answer under way
  bool unasked() const { return unasked_; }                // closed, since it sent more than was asked for

  // The owner's own: whose request is in flight (nullptr: nobody waits any more), since when, and is it a probe?
  Attempt* attempt = nullptr;
  SteadyTime began{};
  bool probe = false;

 private:
  void serve() override;
  void on_io(int) { exchange_.loop.ready().collect(*this); }
  void on_deadline();
  void too_late_or_not();

  void enter(State next);
  std::optional<Loss> connect_next(std::optional<Loss> loss);
  std::optional<Loss> try_address();
  void finish_connecting();
  void connect_on(std::optional<Loss> loss);
  void flush();
  void receive();
  void take(std::string_view piece);
  void end(Loss loss);
  void leave(bool unasked);
  milliseconds until_deadline() const;
  milliseconds until_next_address() const;
  milliseconds idle_limit() const;

  struct Wire {
    Wire(Connection& connection, UniqueFd socket)
        : fd{std::move(socket)}, io{connection.exchange_.loop.raw(), fd.get(), &connection} {}
    UniqueFd fd;  // closed only after its watcher has stopped
    IoWatcher<Connection, &Connection::on_io> io;
  };

  Exchange& exchange_;
  ConnectionOwner& owner_;
  const ConnectionLimits limits_;
  const ConnectionId id_;
  const SteadyTime born_;
  State state_ = State::closed;
  bool unasked_ = false;
  std::uint64_t answers_ = 0;
  SteadyTime until_{}, address_until_{};
  std::span<const SocketAddress> addresses_{};
  std::size_t address_ = 0, untried_ = 0;
  std::string unsent_{};
  ReplyReader reader_{};
  std::optional<Wire> wire_{};
  Deadline<Connection, &Connection::on_deadline> deadline_;
};

}  // namespace policymux
