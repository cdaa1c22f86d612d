#include "log/flusher.h"

namespace policymux {

LogFlusher::LogFlusher(Loop& loop, Logger& logger)
    : logger_{logger}, sleep_{loop.raw(), this}, retry_{loop.raw(), this} {
  logger_.set_clock([&loop] { return loop.wall_time(); });
}

LogFlusher::~LogFlusher() {
  logger_.set_clock(system_wall_time);
  logger_.flush();
}

void LogFlusher::on_sleep() {
  if (!logger_.flush() && !retry_.active()) retry_.arm(milliseconds{10});
}

}  // namespace policymux
