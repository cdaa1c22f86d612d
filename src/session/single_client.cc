#include "session/single_client.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/sockets.h"

namespace policymux {
namespace {

bool are_one_socket(int in, int out) {
  struct stat a {}, b {};
  return ::fstat(in, &a) == 0 && ::fstat(out, &b) == 0 && S_ISSOCK(a.st_mode) && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

}  // namespace

bool is_socket(int fd) { return are_one_socket(fd, fd); }

SingleClient::Bridge::Bridge(SingleClient& client, UniqueFd from, UniqueFd to, UniqueFd middle)
    : in{std::move(from)},
      out{std::move(to)},
      inside{std::move(middle)},
      requests{client.shared_.loop, in.get(), inside.get(), [this] { ::shutdown(inside.get(), SHUT_WR); }},
      replies{client.shared_.loop, inside.get(), out.get(), [&client] { client.replies_ended(); }} {}

SingleClient::SingleClient(Loop& loop, RequestHandler& handler, Logger& logger, Metrics& metrics,
                           const SessionLimits& limits, UniqueFd in, UniqueFd out,
                           std::function<void(CloseReason)> gone)
    : shared_{loop, handler, logger, metrics, limits}, gone_{std::move(gone)}, limit_{loop.raw(), this} {
  auto fd = are_one_socket(in.get(), out.get()) ? std::move(in) : build_bridge(std::move(in), std::move(out));
  suit_short_messages(fd.get());
  SessionOwner& owner = *this;
  session_ = std::make_unique<Session>(shared_, owner, std::move(fd), Peer{.name = "stdin", .local = true});
}

SingleClient::~SingleClient() = default;

// The session's end of it.
UniqueFd SingleClient::build_bridge(UniqueFd in, UniqueFd out) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::system_error{errno, std::generic_category(), "socketpair"};
  }
  bridge_.emplace(*this, std::move(in), std::move(out), UniqueFd{ends[0]});
  return UniqueFd{ends[1]};
}

void SingleClient::stop(milliseconds limit) {
  if (!session_ || std::exchange(shared_.stopping, true)) return;
  if (bridge_) bridge_->requests.hurry();
  session_->finish();
  limit_.arm(limit);
}

void SingleClient::left(Session&, CloseReason reason) {
  reason_ = reason;
  shared_.loop.retire(std::move(session_));
  if (!bridge_) return shared_.loop.ready().again(*this);
  limit_.arm(shared_.limits.reply_timeout);  // the pump takes the rest away
}

// All is out, or nobody takes it.
void SingleClient::replies_ended() {
  if (session_) session_->close(CloseReason::connection_lost);
  shared_.loop.ready().again(*this);
}

void SingleClient::give_up() {
  if (session_) session_->close(CloseReason::shutdown);
  shared_.loop.ready().again(*this);
}

void SingleClient::serve() {
  limit_.cancel();
  if (gone_) std::exchange(gone_, {})(*reason_);
}

}  // namespace policymux
