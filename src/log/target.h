// Which of the places for log lines is used.
#pragma once

#include <memory>
#include <optional>

#include "base/logging.h"
#include "log/sink.h"

namespace policymux {

// The one that is wanted; where none is: the journal when systemd connected `fd` to it (`journal_stream` is the
// value of JOURNAL_STREAM, "device:inode", or nullptr), a terminal when `fd` is one, else syslog.
LogTarget choose_log_target(std::optional<LogTarget> wanted, const char* journal_stream, int fd);
LogTarget choose_log_target(std::optional<LogTarget> wanted);  // by this process's environment and descriptor 2

std::unique_ptr<LogSink> make_log_sink(LogTarget target, const LogIdentity& identity);

}  // namespace policymux
