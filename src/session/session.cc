#include "session/session.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/sockets.h"

namespace policymux {
namespace {

constexpr int requests_per_turn = 32;  // then it is the turn of others

struct CloseRow {
  std::string_view text;
  Level level;
  Counter counter;
};

// By CloseReason.
constexpr CloseRow close_rows[] = {
    {"end of stream", Level::debug, Counter::closed_end_of_stream},
    {"end of stream inside a request", Level::info, Counter::closed_cut_request},
    {"connection lost", Level::info, Counter::closed_connection_lost},
    {"malformed request", Level::warning, Counter::closed_malformed},
    {"idle for too long", Level::info, Counter::closed_idle},
    {"request not finished in time", Level::warning, Counter::closed_request_timeout},
    {"reply not taken in time", Level::warning, Counter::closed_reply_timeout},
    {"shutdown", Level::debug, Counter::closed_shutdown},
};

const CloseRow& row_of(CloseReason reason) { return close_rows[static_cast<std::size_t>(reason)]; }

// By Malformed.
constexpr Counter malformed_counters[] = {
    Counter::malformed_nul_byte, Counter::malformed_no_equals_sign,      Counter::malformed_empty_name,
    Counter::malformed_too_long, Counter::malformed_too_many_attributes, Counter::malformed_empty_request,
};

}  // namespace

std::string_view to_string(CloseReason reason) { return row_of(reason).text; }

Session::Session(SessionShared& shared, SessionOwner& owner, UniqueFd fd, Peer peer)
    : shared_{shared},
      owner_{owner},
      local_{peer.local},
      conversation_{.peer = std::move(peer.name)},
      fd_{std::move(fd)},
      io_{shared.loop.raw(), fd_.get(), this},
      deadline_{shared.loop, this} {
  enter(State::idle);
}

// The only place where state, interest and deadline change.
void Session::enter(State next) {
  const auto& limits = shared_.limits;
  state_ = next;
  switch (next) {
    case State::idle:
      io_.want(EV_READ);
      deadline_.arm_unless_zero(local_ ? limits.idle_local : limits.idle_remote);
      if (shared_.stopping) shared_.loop.ready().again(*this);
      break;
    case State::receiving:
      io_.want(EV_READ);
      deadline_.arm(limits.request_timeout);
      if (shared_.stopping) shared_.loop.ready().again(*this);
      break;
    case State::queued:
      deadline_.cancel();
      shared_.loop.ready().again(*this);
      break;
    case State::deciding:
      io_.want(EV_READ);  // a reset must be noticed
      deadline_.cancel();
      break;
    case State::deaf:
      io_.want(0);
      break;
    case State::writing:
      io_.want(EV_WRITE);
      deadline_.arm(limits.reply_timeout);
      break;
    case State::closed:
      io_.want(0);
      deadline_.cancel();
      break;
  }
}

void Session::serve() {
  switch (state_) {
    case State::idle:
    case State::receiving: return receive();
    case State::queued: return take_requests(rest_->bytes, rest_->parser);
    case State::deciding: return peek();
    case State::writing: return replied(send(std::exchange(unsent_, {})));
    case State::deaf:
    case State::closed: return;
  }
}

void Session::finish() {
  int arrived = 0;
  if (::ioctl(fd_.get(), FIONREAD, &arrived) == 0) left_to_read_ = static_cast<std::size_t>(arrived);
  if (state_ == State::idle || state_ == State::receiving) shared_.loop.ready().again(*this);
}

void Session::receive() {
  auto& buffer = shared_.buffer;
  const auto wanted = shared_.stopping ? std::min(left_to_read_, buffer.size()) : buffer.size();
  if (wanted == 0) return close(CloseReason::shutdown);
  const auto n = ::recv(fd_.get(), buffer.data(), wanted, MSG_DONTWAIT);
  if (n < 0 && !is_temporary(errno)) return close(CloseReason::connection_lost);
  if (n < 0) return;
  if (shared_.stopping) left_to_read_ -= static_cast<std::size_t>(n);
  if (n == 0) return close(rest_ ? CloseReason::cut_request : CloseReason::end_of_stream);
  const std::string_view input{buffer.data(), static_cast<std::size_t>(n)};
  if (!rest_) return take_requests(input, shared_.parser);
  rest_->bytes.append(input);
  take_requests(rest_->bytes, rest_->parser);
}

// REQUIRES: `input` begins with a request and is all there is: new in the shared buffer, or rest_->bytes.
void Session::take_requests(std::string_view input, RequestParser& parser) {
  for (int taken = 0; !input.empty(); ++taken) {
    if (taken == requests_per_turn) {
      keep(input, parser);
      return enter(State::queued);
    }
    switch (parser.parse(input)) {
      case ParseStatus::malformed:
        ++shared_.metrics[malformed_counters[static_cast<std::size_t>(parser.problem())]];
        return close(CloseReason::malformed, to_string(parser.problem()));
      case ParseStatus::incomplete:
        keep(input, parser);
        // One deadline for all of a request.
        if (taken > 0 || state_ != State::receiving || shared_.stopping) enter(State::receiving);
        return;
      case ParseStatus::complete: break;
    }
    input.remove_prefix(parser.request().raw().size());
    if (const auto next = handle(parser.request()); next != State::idle) {
      keep(input, parser);
      return next == State::closed ? close(CloseReason::connection_lost) : enter(next);
    }
  }
  rest_.reset();
  enter(State::idle);
}

Session::State Session::handle(Request& request) {
  request.now = shared_.loop.wall_time();
  if (const auto reply = shared_.handler.handle(request, conversation_)) return send(*reply);
  suspended_ = shared_.handler.suspend(request, conversation_, *this);
  return State::deciding;
}

// Keeps `input`, which `parser` has begun to read, for a later wake-up.
void Session::keep(std::string_view input, RequestParser& parser) {
  if (input.empty()) {
    rest_.reset();
  } else if (rest_) {
    rest_->bytes.erase(0, rest_->bytes.size() - input.size());
  } else {
    rest_ = std::make_unique<Rest>(Rest{std::string{input}, parser});
    parser.restart();
  }
}

// More input, or its end, can wait until the request is answered; a lost connection cannot.
void Session::peek() {
  char byte = 0;
  if (::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0) return enter(State::deaf);
  if (!is_temporary(errno)) close(CloseReason::connection_lost);
}

void Session::answered(std::string_view reply) {
  const auto next = send(reply);
  suspended_.reset();
  replied(next);
}

// idle: all is on its way. writing: unsent_ has the rest. closed: the connection is lost.
Session::State Session::send(std::string_view reply) {
  const auto n = ::send(fd_.get(), reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0 && !is_temporary(errno)) return State::closed;
  const auto sent = n < 0 ? 0 : static_cast<std::size_t>(n);
  if (sent == reply.size()) return State::idle;
  unsent_.assign(reply.substr(sent));
  return State::writing;
}

// Goes on after send() outside of take_requests().
void Session::replied(State next) {
  if (next == State::closed) return close(CloseReason::connection_lost);
  if (next == State::idle && rest_) return enter(State::queued);
  if (next != state_) enter(next);  // one deadline for all of a reply
}

void Session::on_deadline() {
  switch (state_) {
    case State::idle: return close(CloseReason::idle);
    case State::receiving: return close(CloseReason::request_timeout);
    case State::writing: return close(CloseReason::reply_timeout);
    case State::queued:
    case State::deciding:
    case State::deaf:
    case State::closed: return;
  }
}

void Session::close(CloseReason reason, std::string_view detail) {
  suspended_.reset();
  const auto& row = row_of(reason);
  ++shared_.metrics[row.counter];
  shared_.logger.format(row.level, "{}: connection closed: {}{}{}", conversation_.peer, row.text,
                        detail.empty() ? "" : ": ", detail);
  enter(State::closed);
  owner_.left(*this, reason);
}

}  // namespace policymux
