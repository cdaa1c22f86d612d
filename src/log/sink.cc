#include "log/sink.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace policymux {

namespace {

constexpr std::size_t batch = 64;  // lines a system call

constexpr int severity(Level level) {  // RFC 3164's codes
  switch (level) {
    case Level::debug: return 7;
    case Level::info: return 6;
    case Level::warning: return 4;
    case Level::error: return 3;
  }
  return 6;
}

// Postfix's way: what is merely information says nothing of it.
constexpr std::string_view label(Level level) {
  switch (level) {
    case Level::debug: return "debug: ";
    case Level::info: return "";
    case Level::warning: return "warning: ";
    case Level::error: return "error: ";
  }
  return "";
}

pid_t pid_of(const LogIdentity& identity) { return identity.pid == 0 ? ::getpid() : identity.pid; }

std::string tag_of(const LogIdentity& identity) { return fmt::format(" {}[{}]: ", identity.name, pid_of(identity)); }

}  // namespace

std::string_view Timestamp::text(WallTime time) {
  const auto second = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  if (std::exchange(second_, second) == second) return text_;
  std::tm local{};
  ::localtime_r(&second, &local);
  static constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  text_ = fmt::format("{} {:2} {:02}:{:02}:{:02}", months[local.tm_mon], local.tm_mday, local.tm_hour, local.tm_min,
                      local.tm_sec);
  return text_;
}

// ---- streams ----

StreamSink::StreamSink(int fd, const LogIdentity& identity) : fd_{fd}, kind_{Kind::polled}, tag_{tag_of(identity)} {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return;
  if (S_ISREG(status.st_mode)) {
    kind_ = Kind::file;
  } else if (S_ISSOCK(status.st_mode)) {
    kind_ = Kind::socket;
  } else {
    const auto path = fmt::format("/proc/self/fd/{}", fd);
    own_ = UniqueFd{::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (!own_) return;
    fd_ = own_.get();
    kind_ = Kind::reopened;
  }
}

void StreamSink::format(std::string& out, const LogLine& line) {
  out += timestamp_.text(line.time);
  out += tag_;
  out += label(line.level);
  out += line.text;
  out += '\n';
}

std::size_t StreamSink::write(std::span<const iovec> lines) {
  auto left = done_ + write_some(lines.first(std::min(lines.size(), batch)));
  std::size_t finished = 0;
  for (; finished < lines.size() && left >= lines[finished].iov_len; ++finished) left -= lines[finished].iov_len;
  done_ = left;
  return finished;
}

// Bytes written, behind the done_ first ones.
std::size_t StreamSink::write_some(std::span<const iovec> lines) {
  std::array<iovec, batch> rest;
  std::copy(lines.begin(), lines.end(), rest.begin());
  rest[0].iov_base = static_cast<char*>(rest[0].iov_base) + done_;
  rest[0].iov_len -= done_;
  const auto written = write_once({rest.data(), lines.size()});
  return written > 0 ? static_cast<std::size_t>(written) : 0;
}

ssize_t StreamSink::write_once(std::span<iovec> lines) {
  const auto count = lines.size();
  if (kind_ == Kind::socket) {
    msghdr message{};
    message.msg_iov = lines.data();
    message.msg_iovlen = count;
    return ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  if (kind_ == Kind::polled) {
    pollfd room{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (::poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return 0;
    return ::write(fd_, lines[0].iov_base, std::min<std::size_t>(lines[0].iov_len, PIPE_BUF));
  }
  return ::writev(fd_, lines.data(), static_cast<int>(count));
}

// ---- datagrams ----

DatagramSink::DatagramSink(std::string path)
    : path_{std::move(path)}, socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {
  connected_ = connect();
}

bool DatagramSink::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return false;
  path_.copy(address.sun_path, path_.size());
  return ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// A server that went away is noticed by an error; then it is looked for once a call.
std::size_t DatagramSink::write(std::span<const iovec> lines) {
  if (connected_) {
    const auto sent = send(lines);
    if (sent > 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == EINTR) return sent;
    if (errno == EMSGSIZE) return 1;  // it never will: let it go
  }
  connected_ = connect();
  return connected_ ? send(lines) : 0;
}

std::size_t DatagramSink::send(std::span<const iovec> lines) {
  std::array<mmsghdr, batch> messages{};
  const auto count = std::min(lines.size(), batch);
  for (std::size_t i = 0; i < count; ++i) {
    messages[i].msg_hdr.msg_iov = const_cast<iovec*>(&lines[i]);  // sendmmsg only reads it
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int sent =
      ::sendmmsg(socket_.get(), messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

SyslogSink::SyslogSink(const LogIdentity& identity, std::string path)
    : DatagramSink{std::move(path)}, facility_{static_cast<int>(identity.facility)}, tag_{tag_of(identity)} {}

void SyslogSink::format(std::string& out, const LogLine& line) {
  fmt::format_to(std::back_inserter(out), "<{}>", facility_ * 8 + severity(line.level));
  out += timestamp_.text(line.time);
  out += tag_;
  out += label(line.level);
  out += line.text;
}

JournalSink::JournalSink(const LogIdentity& identity, std::string path)
    : DatagramSink{std::move(path)},
      fields_{fmt::format("SYSLOG_FACILITY={}\nSYSLOG_IDENTIFIER={}\nSYSLOG_PID={}\n",
                          static_cast<int>(identity.facility), identity.name, pid_of(identity))} {}

void JournalSink::format(std::string& out, const LogLine& line) {
  out += fields_;
  fmt::format_to(std::back_inserter(out), "PRIORITY={}\nMESSAGE=", severity(line.level));
  out += label(line.level);
  out += line.text;
  out += '\n';
}

}  // namespace policymux
