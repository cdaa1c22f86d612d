#include "log/sink.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

#include "log/target.h"
#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

const LogIdentity who{.name = "policymux", .facility = Facility::mail, .pid = 7};
constexpr WallTime when{milliseconds{1767323045678}};  // 2026-01-02 03:04:05.678 UTC

class Directory {
 public:
  Directory() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
  ~Directory() { fs::remove_all(path_); }
  std::string file(std::string_view name) const { return fmt::format("{}/{}", path_, name); }

 private:
  std::string path_ = (fs::temp_directory_path() / "policymux-log-XXXXXX").string();
};

// Every test here reads times as UTC.
struct Utc {
  Utc() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
} const utc;

std::string formatted(LogSink& sink, Level level, std::string_view text) {
  std::string out;
  sink.format(out, {level, when, text});
  return out;
}

std::size_t write(LogSink& sink, std::vector<std::string> lines) {
  std::vector<iovec> parts;
  for (auto& line : lines) parts.push_back({line.data(), line.size()});
  return sink.write(parts);
}

std::string content(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

// A syslogd of few words.
class Server {
 public:
  explicit Server(const std::string& path) : fd_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)} {
    ::unlink(path.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  std::optional<std::string> receive() {
    char buffer[4096];
    const auto size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (size < 0) return std::nullopt;
    return std::string{buffer, static_cast<std::size_t>(size)};
  }

 private:
  UniqueFd fd_;
};

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    read = UniqueFd{ends[0]};
    write = UniqueFd{ends[1]};
  }
  std::string take(std::size_t limit) {
    std::string out(limit, '\0');
    const auto size = ::read(read.get(), out.data(), out.size());
    out.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return out;
  }
  UniqueFd read, write;
};

}  // namespace

TEST_CASE("a line of a stream has the time, the process and, where it is no mere information, its level") {
  Pipe pipe;
  StreamSink sink{pipe.write.get(), who};
  CHECK(formatted(sink, Level::info, "hello") == "Jan  2 03:04:05 policymux[7]: hello\n");
  CHECK(formatted(sink, Level::warning, "w") == "Jan  2 03:04:05 policymux[7]: warning: w\n");
  CHECK(formatted(sink, Level::error, "e") == "Jan  2 03:04:05 policymux[7]: error: e\n");
  CHECK(formatted(sink, Level::debug, "d") == "Jan  2 03:04:05 policymux[7]: debug: d\n");
}

TEST_CASE("a line of syslog is what syslog(3) writes") {
  SyslogSink sink{who, "/nonexistent"};
  CHECK(formatted(sink, Level::info, "hello") == "<22>Jan  2 03:04:05 policymux[7]: hello");
  CHECK(formatted(sink, Level::warning, "w") == "<20>Jan  2 03:04:05 policymux[7]: warning: w");
  SyslogSink local{{.name = "x", .facility = Facility::local7, .pid = 1}, "/nonexistent"};
  CHECK(formatted(local, Level::error, "e") == "<187>Jan  2 03:04:05 x[1]: error: e");
}

TEST_CASE("an entry of the journal has fields") {
  JournalSink sink{who, "/nonexistent"};
  CHECK(formatted(sink, Level::warning, "w=1") ==
        "SYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=policymux\nSYSLOG_PID=7\nPRIORITY=4\nMESSAGE=warning: w=1\n");
}

TEST_CASE("a timestamp follows the time, back and forth") {
  Timestamp stamp;
  CHECK(stamp.text(when) == "Jan  2 03:04:05");
  CHECK(stamp.text(when + 321ms) == "Jan  2 03:04:05");
  CHECK(stamp.text(when + 322ms) == "Jan  2 03:04:06");
  CHECK(stamp.text(when - 48h) == "Dec 31 03:04:05");
  CHECK(stamp.text(when) == "Jan  2 03:04:05");
}

TEST_CASE("many lines go to a file at once, behind what is there") {
  const Directory directory;
  const auto path = directory.file("log");
  const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600)};
  std::ofstream{path} << "old\n";
  StreamSink sink{fd.get(), who};
  CHECK(write(sink, {"one\n", "two\n", "three\n"}) == 3);
  CHECK(content(path) == "old\none\ntwo\nthree\n");
  CHECK(write(sink, std::vector<std::string>(100, "x\n")) == 64);
}

TEST_CASE("a full pipe takes what it can, and the rest later, without a byte lost or twice") {
  // A pipe that cannot be opened anew (here: nobody reads it at first) is asked whether it has room.
  const bool reopened = GENERATE(true, false);
  CAPTURE(reopened);
  Pipe pipe;
  ::fcntl(pipe.write.get(), F_SETPIPE_SZ, 4096);
  if (!reopened) pipe.read = UniqueFd{};
  StreamSink sink{pipe.write.get(), who};
  if (!reopened) pipe.read = UniqueFd{::open(fmt::format("/proc/self/fd/{}", pipe.write.get()).c_str(), O_RDONLY)};

  std::vector<std::string> lines;
  std::string want, got;
  for (int i = 0; i < 200; ++i) want += lines.emplace_back(fmt::format("{:{}}\n", i, 1 + i * 10));
  while (!lines.empty()) {
    const auto written = write(sink, lines);
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(written));
    if (written == 0) got += pipe.take(1000);
  }
  got += pipe.take(4096);
  CHECK(got == want);
}

TEST_CASE("the descriptor of others is not made non-blocking") {
  Pipe pipe;
  StreamSink sink{pipe.write.get(), who};
  CHECK(write(sink, {"x\n"}) == 1);
  CHECK((::fcntl(pipe.write.get(), F_GETFL) & O_NONBLOCK) == 0);
  CHECK(pipe.take(10) == "x\n");
}

TEST_CASE("a stream socket nobody reads does not hold us up") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const UniqueFd ours{ends[0]}, theirs{ends[1]};
  StreamSink sink{ours.get(), who};
  const std::vector<std::string> lines(64, std::string(2000, 'x') + '\n');
  std::size_t calls = 0;
  while (write(sink, lines) > 0) REQUIRE(++calls < 1000);
  CHECK((::fcntl(ours.get(), F_GETFL) & O_NONBLOCK) == 0);
}

TEST_CASE("a reader that went away, or a descriptor that is none, is not now") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const UniqueFd ours{ends[0]};
  ::close(ends[1]);
  StreamSink gone{ours.get(), who};
  CHECK(write(gone, {"x\n"}) == 0);
  ::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.read = UniqueFd{};
  StreamSink broken{pipe.write.get(), who};
  CHECK(write(broken, {"x\n"}) == 0);
  StreamSink none{-1, who};
  CHECK(write(none, {"x\n"}) == 0);
}

TEST_CASE("syslog gets a datagram a line") {
  const Directory directory;
  const auto path = directory.file("log");
  Server server{path};
  SyslogSink sink{who, path};
  CHECK(write(sink, {"one", "two"}) == 2);
  CHECK(server.receive() == "one");
  CHECK(server.receive() == "two");
  CHECK(server.receive() == std::nullopt);
}

TEST_CASE("a syslogd that comes late or is started anew is found") {
  const Directory directory;
  const auto path = directory.file("log");
  SyslogSink sink{who, path};
  CHECK(write(sink, {"lost?"}) == 0);
  {
    Server server{path};
    CHECK(write(sink, {"one"}) == 1);
    CHECK(server.receive() == "one");
  }
  CHECK(write(sink, {"two"}) == 0);
  CHECK(write(sink, {"two"}) == 0);
  Server server{path};
  CHECK(write(sink, {"two"}) == 1);
  CHECK(server.receive() == "two");
  Server again{path};
  CHECK(write(sink, {"three"}) == 1);  // the old one still reads, nobody told us
  CHECK(server.receive() == "three");
}

TEST_CASE("a syslogd that is slow gets the rest later") {
  const Directory directory;
  const auto path = directory.file("log");
  Server server{path};
  SyslogSink sink{who, path};
  std::size_t sent = 0;
  while (const auto now = write(sink, {std::to_string(sent)})) {
    sent += now;
    REQUIRE(sent < 100000);
  }
  CHECK(server.receive() == "0");
  CHECK(write(sink, {std::to_string(sent)}) == 1);
  for (std::size_t i = 1; i <= sent; ++i) REQUIRE(server.receive() == std::to_string(i));
}

TEST_CASE("a path too long for a socket is nobody") {
  SyslogSink sink{who, std::string(300, 'x')};
  CHECK(write(sink, {"x"}) == 0);
}

// "log_to (...; default: journal under systemd, stderr on a terminal, else syslog)"
TEST_CASE("lines go to the journal under systemd, to stderr on a terminal, else to syslog") {
  Pipe pipe;
  struct stat status {};
  REQUIRE(::fstat(pipe.write.get(), &status) == 0);
  const auto ours = fmt::format("{}:{}", status.st_dev, status.st_ino);
  const int fd = pipe.write.get();
  CHECK(choose_log_target(std::nullopt, ours.c_str(), fd) == LogTarget::journal);
  CHECK(choose_log_target(std::nullopt, "1:2", fd) == LogTarget::syslog);
  CHECK(choose_log_target(std::nullopt, nullptr, fd) == LogTarget::syslog);
  CHECK(choose_log_target(std::nullopt, nullptr, -1) == LogTarget::syslog);
  CHECK(choose_log_target(LogTarget::standard_error, ours.c_str(), fd) == LogTarget::standard_error);
  CHECK(choose_log_target(LogTarget::syslog, ours.c_str(), fd) == LogTarget::syslog);

  const UniqueFd terminal{::posix_openpt(O_RDWR | O_NOCTTY)};
  if (terminal) CHECK(choose_log_target(std::nullopt, nullptr, terminal.get()) == LogTarget::standard_error);
}
