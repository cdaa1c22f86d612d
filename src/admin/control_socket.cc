#include "admin/control_socket.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "base/sockets.h"
#include "base/text.h"

namespace policymux {
namespace {

constexpr milliseconds retry_after{std::chrono::seconds{1}};

}  // namespace

//   reading ──a line──▶ writing ──all sent──▶ gone
//   any ── end of stream, a line too long, time is up ──▶ gone
class ControlSocket::Visitor final : public Retiree {
 public:
  Visitor(ControlSocket& control, UniqueFd fd)
      : control_{control},
        fd_{std::move(fd)},
        io_{control.loop_.raw(), fd_.get(), this},
        deadline_{control.loop_.raw(), this} {
    io_.want(EV_READ);
    deadline_.arm(patience);
  }

 private:
  void on_io(int events) { (events & EV_READ) != 0 ? read() : write(); }

  void read() {
    std::array<char, line_limit> piece;
    const auto got = ::recv(fd_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (got < 0 && is_temporary(errno)) return;
    if (got <= 0) return leave();
    line_.append(piece.data(), static_cast<std::size_t>(got));
    const auto end = line_.find('\n');
    if (end == line_.npos && line_.size() < line_limit) return;
    reply_ = control_.reply_to(std::string_view{line_}.substr(0, end));
    io_.want(EV_WRITE);
  }

  void write() {
    const auto left = std::string_view{reply_}.substr(sent_);
    const auto sent = ::send(fd_.get(), left.data(), left.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && is_temporary(errno)) return;
    if (sent < 0) return leave();
    sent_ += static_cast<std::size_t>(sent);
    if (sent_ == reply_.size()) leave();
  }

  void leave() {
    io_.want(0);
    deadline_.cancel();
    control_.left(*this);
  }

  ControlSocket& control_;
  std::string line_, reply_;
  std::size_t sent_ = 0;  // of the reply
  UniqueFd fd_;
  IoWatcher<Visitor, &Visitor::on_io> io_;
  Timer<Visitor, &Visitor::leave> deadline_;
};

ControlSocket::ControlSocket(Loop& loop, int listening)
    : loop_{loop}, listening_{listening}, listener_{loop.raw(), listening, this}, retry_{loop.raw(), this} {
  watch();
}

ControlSocket::~ControlSocket() = default;

void ControlSocket::on_ready(int) {
  if (visitors_.size() == most_visitors) return listener_.want(0);
  UniqueFd fd{::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (fd) {
    visitors_.push_back(std::make_unique<Visitor>(*this, std::move(fd)));
  } else if (is_shortage(errno)) {
    listener_.want(0);
    retry_.arm(retry_after);
  }
}

std::string ControlSocket::reply_to(std::string_view line) const {
  const auto found = answers_.find(trim(line));
  if (found == answers_.end()) return fmt::format("error: no such command: {}\n", in_quotes(line));
  return "ok\n" + found->second();
}

void ControlSocket::left(Visitor& visitor) {
  const auto at = std::ranges::find(visitors_, &visitor, &std::unique_ptr<Visitor>::get);
  loop_.retire(std::move(*at));
  visitors_.erase(at);
  if (!retry_.active()) watch();
}

}  // namespace policymux
