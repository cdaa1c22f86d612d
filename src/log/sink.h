// Where log lines go: a stream (stderr, a file, a pipe), syslog, the journal. None of them ever waits.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <ctime>
#include <span>
#include <string>
#include <string_view>

#include "base/logging.h"
#include "base/time.h"
#include "base/unique_fd.h"

namespace policymux {

struct LogLine {
  Level level;
  WallTime time;
  std::string_view text;  // without control characters, valid UTF-8
};

// Who speaks. Make it after the last fork: it holds the process's number.
struct LogIdentity {
  std::string name = "policymux";
  Facility facility = Facility::mail;
  pid_t pid = 0;  // 0: getpid()
};

class LogSink {
 public:
  virtual ~LogSink() = default;

  // Appends the line as it is to be written.
  virtual void format(std::string& out, const LogLine& line) = 0;

  // Writes formatted lines, oldest first, and returns how many are done with; those not done come again. 0: not
  // now (nobody reads, nobody is there, no space): try later. One or two system calls.
  virtual std::size_t write(std::span<const iovec> lines) = 0;
};

// "Jan  2 03:04:05", local time; worked out once a second.
class Timestamp {
 public:
  std::string_view text(WallTime time);

 private:
  std::time_t second_ = -1;
  std::string text_;
};

// "Jan  2 03:04:05 policymux[7]: warning: text" lines to a descriptor that others may share.
//   Never waits  without touching O_NONBLOCK, which belongs to everybody who has the same open file: a pipe or a
//                terminal is opened anew for us; where that fails it is asked whether it has room, and given no
//                more than a pipe takes at once. A socket is told with each call. A regular file has no need.
//   Owns         not `fd`, which outlives it.  REQUIRES: SIGPIPE is ignored.
class StreamSink final : public LogSink {
 public:
  StreamSink(int fd, const LogIdentity& identity);
  void format(std::string& out, const LogLine& line) override;
  std::size_t write(std::span<const iovec> lines) override;

 private:
  enum class Kind : std::uint8_t { file, socket, reopened, polled };
  std::size_t write_some(std::span<const iovec> lines);
  ssize_t write_once(std::span<iovec> lines);

  UniqueFd own_;          // Kind::reopened
  int fd_;
  Kind kind_;
  std::size_t done_ = 0;  // bytes of the first line that are written already
  std::string tag_;       // " policymux[7]: "
  Timestamp timestamp_;
};

// A line a datagram, to a unix socket. Finds the server again when it was started anew.
//   Owns  its socket, opened at once (so that it works from inside a chroot).
class DatagramSink : public LogSink {
 public:
  explicit DatagramSink(std::string path);
  std::size_t write(std::span<const iovec> lines) override;

 private:
  bool connect();
  std::size_t send(std::span<const iovec> lines);

  std::string path_;
  UniqueFd socket_;
  bool connected_ = false;
};

// RFC 3164, as syslog(3) writes it: "<22>Jan  2 03:04:05 policymux[7]: warning: text".
class SyslogSink final : public DatagramSink {
 public:
  explicit SyslogSink(const LogIdentity& identity, std::string path = "/dev/log");
  void format(std::string& out, const LogLine& line) override;

 private:
  int facility_;
  std::string tag_;
  Timestamp timestamp_;
};

// journald's own protocol: NAME=value lines. No value of ours holds a newline, so none needs its binary form.
class JournalSink final : public DatagramSink {
 public:
  explicit JournalSink(const LogIdentity& identity, std::string path = "/run/systemd/journal/socket");
  void format(std::string& out, const LogLine& line) override;

 private:
  std::string fields_;  // those that are the same in each line
};

}  // namespace policymux
