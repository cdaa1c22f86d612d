#include "log/target.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace policymux {

namespace {

bool is_journal(const char* journal_stream, int fd) {
  struct stat status {};
  return journal_stream != nullptr && ::fstat(fd, &status) == 0 &&
         journal_stream == fmt::format("{}:{}", status.st_dev, status.st_ino);
}

}  // namespace

LogTarget choose_log_target(std::optional<LogTarget> wanted, const char* journal_stream, int fd) {
  if (wanted) return *wanted;
  if (is_journal(journal_stream, fd)) return LogTarget::journal;
  return ::isatty(fd) == 1 ? LogTarget::standard_error : LogTarget::syslog;
}

LogTarget choose_log_target(std::optional<LogTarget> wanted) {
  return choose_log_target(wanted, std::getenv("JOURNAL_STREAM"), STDERR_FILENO);
}

std::unique_ptr<LogSink> make_log_sink(LogTarget target, const LogIdentity& identity) {
  switch (target) {
    case LogTarget::syslog: return std::make_unique<SyslogSink>(identity);
    case LogTarget::journal: return std::make_unique<JournalSink>(identity);
    case LogTarget::standard_error: break;
  }
  return std::make_unique<StreamSink>(STDERR_FILENO, identity);
}

}  // namespace policymux
