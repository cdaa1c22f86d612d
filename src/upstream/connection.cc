#include "upstream/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/sockets.h"

namespace policymux {
namespace {

// Until a unix listener whose queue was full is tried again.
constexpr milliseconds full_queue_pause{5};

UniqueFd open_socket(int family) {
  UniqueFd fd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (fd && family != AF_UNIX) suit_short_messages(fd.get());
  return fd;
}

int socket_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

// Some of it is not the service's fault.
Loss refused(int error) {
  const bool ours = is_shortage(error) || error == EADDRNOTAVAIL;
  return {ours ? Failure::ours : Failure::refused, std::strerror(error)};
}

}  // namespace

Connection::Connection(Exchange& exchange, ConnectionOwner& owner, const ConnectionLimits& limits)
    : exchange_{exchange},
      owner_{owner},
      limits_{limits},
      id_{exchange.next_id()},
      born_{exchange.loop.now()},
      deadline_{exchange.loop, this} {}

// The only place where state, interest and deadline change.
void Connection::enter(State next) {
  state_ = next;
  switch (next) {
    case State::connecting:
      if (wire_) wire_->io.want(EV_WRITE);
      deadline_.arm(wire_ ? until_next_address() : std::min(until_next_address(), full_queue_pause));
      break;
    case State::idle:
      wire_->io.want(EV_READ);
      deadline_.arm_unless_zero(idle_limit());
      break;
    case State::asking:
      wire_->io.want(unsent_.empty() ? EV_READ : EV_READ | EV_WRITE);
      deadline_.arm(until_deadline());
      break;
    case State::closed:
      wire_.reset();
      deadline_.cancel();
      break;
  }
}

milliseconds Connection::until_deadline() const {
  return time_left(until_, exchange_.loop.now());
}

milliseconds Connection::until_next_address() const {
  return time_left(address_until_, exchange_.loop.now());
}

// The time that is left of max_idle and max_ttl; 0: for ever.
milliseconds Connection::idle_limit() const {
  if (limits_.max_ttl.count() == 0) return limits_.max_idle;
  const auto old_at = std::chrono::ceil<milliseconds>(born_ + limits_.max_ttl - exchange_.loop.now());
  const auto left = std::max(milliseconds{1}, old_at);
  return limits_.max_idle.count() == 0 ? left : std::min(left, limits_.max_idle);
}

void Connection::serve() {
  switch (state_) {
    case State::connecting: return finish_connecting();
    case State::asking:
      if (!unsent_.empty()) flush();
      return receive();
    case State::idle: return receive();
    case State::closed: return;
  }
}

// ---- connecting ----

std::optional<Loss> Connection::connect(std::span<const SocketAddress> addresses, std::size_t first, SteadyTime until) {
  addresses_ = addresses;
  untried_ = addresses.size();
  address_ = first + addresses.size() - 1;
  until_ = until;
  return connect_next(Loss{Failure::no_address, {}});
}

// Where there is no next one it remains at the loss.
std::optional<Loss> Connection::connect_next(std::optional<Loss> loss) {
  while (loss && untried_ > 0) {
    // Addresses that are left share the time that is left.
    address_until_ = exchange_.loop.now() + until_deadline() / static_cast<int>(untried_);
    --untried_;
    address_ = (address_ + 1) % addresses_.size();
    loss = try_address();
  }
  return loss;
}

std::optional<Loss> Connection::try_address() {
  const auto& address = addresses_[address_];
  wire_.reset();
  auto fd = open_socket(address.get()->sa_family);
  if (!fd) return Loss{Failure::ours, std::strerror(errno)};
  const int error = ::connect(fd.get(), address.get(), address.size) == 0 ? 0 : errno;
  if (error != 0 && error != EINPROGRESS && error != EAGAIN) return refused(error);
  if (error != EAGAIN) wire_.emplace(*this, std::move(fd));
  enter(error == 0 ? State::idle : State::connecting);
  return std::nullopt;
}

void Connection::finish_connecting() {
  if (!wire_) return;  // what was ready belonged to the address before
  const int error = socket_error(wire_->fd.get());
  if (error != 0) return connect_on(refused(error));
  enter(State::idle);
  owner_.connected(*this);
}

// From here on its owner is to be told.
void Connection::connect_on(std::optional<Loss> loss) {
  if (const auto last = connect_next(std::move(loss))) return end(*last);
  if (state_ == State::idle) owner_.connected(*this);
}

void Connection::adopt(UniqueFd socket) {
  wire_.emplace(*this, std::move(socket));
  enter(State::idle);
}

// ---- asking ----

void Connection::start(std::string_view request, SteadyTime until) {
  assert(state_ == State::idle);
  until_ = until;
  const auto n = ::send(wire_->fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
  if (n >= 0) request.remove_prefix(static_cast<std::size_t>(n));
  const bool failed = n < 0 && !is_temporary(errno);  // then receive() finds out why
  unsent_.assign(failed ? std::string_view{} : request);
  enter(State::asking);
}

void Connection::flush() {
  const auto n = ::send(wire_->fd.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
  if (n > 0) unsent_.erase(0, static_cast<std::size_t>(n));
  if (n < 0 && !is_temporary(errno)) unsent_.clear();
  if (unsent_.empty()) wire_->io.want(EV_READ);
}

void Connection::receive() {
  auto& buffer = exchange_.buffer;
  const auto n = ::recv(wire_->fd.get(), buffer.data(), buffer.size(), 0);
  if (n < 0 && is_temporary(errno)) return;
  if (state_ == State::idle) return leave(n > 0);
  if (n < 0) return end({Failure::reset, std::strerror(errno)});
  if (n == 0) return end({reader_.end(), {}});
  take({buffer.data(), static_cast<std::size_t>(n)});
}

void Connection::take(std::string_view piece) {
  const auto verdict = reader_.read(piece, exchange_.restriction_classes);
  if (!verdict) return;
  if (verdict->failure) return end({*verdict->failure, verdict->detail});
  ++answers_;
  // An answer to half a request, or two: who knows what the next one would be an answer to.
  unasked_ = verdict->surplus || !unsent_.empty();
  enter(unasked_ ? State::closed : State::idle);
  owner_.answered(*this, verdict->action);
}

// ---- the end ----

bool Connection::still_idle() {
  if (!alone()) serve();
  return state_ == State::idle;
}

void Connection::on_deadline() {
  if (!alone()) return too_late_or_not();
  if (state_ == State::idle) return leave(false);
  if (state_ == State::asking) return end({Failure::timed_out, {}});
  const bool try_again = !wire_ && until_next_address().count() > 0;
  connect_on(try_again ? try_address() : Loss{Failure::timed_out, {}});
}

// What has come in until now came in time, though the loop has not looked at it yet.
void Connection::too_late_or_not() {
  const auto until = until_;
  serve();
  const bool goes_on = state_ == State::asking && until_ == until;
  if (goes_on) end({Failure::timed_out, {}});
}

void Connection::end(Loss loss) {
  enter(State::closed);
  owner_.lost(*this, loss);
}

void Connection::leave(bool unasked) {
  unasked_ = unasked;
  enter(State::closed);
  owner_.left(*this);
}

}  // namespace policymux
